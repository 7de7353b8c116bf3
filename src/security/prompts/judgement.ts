import * as z from 'zod';
import { jsonObjectsIn } from './json-objects.js';

const sentence = z.string().trim().min(1).max(1000);

/** The JSON that the judge answers with. */
export const judgementSchema = z.object({
  /** The text gives away that somebody told the teacher what to look for. */
  told: z.boolean(),
  told_because: sentence,
  /** The reasoning works out at least one of the weaknesses. */
  thought_through: z.boolean(),
  thought_because: sentence,
});
export type Judgement = z.infer<typeof judgementSchema>;

/**
 * Reads the judge's answer. Prose and code fences around the JSON are tolerated (the last object that has a `told` field counts), wrong types
 * are not. Never throws, and takes time linear in the text.
 */
export function parseJudgement(
  text: string,
): { readonly ok: true; readonly value: Judgement } | { readonly ok: false; readonly why: string } {
  const candidate = jsonObjectsIn(text).findLast((object) => Object.hasOwn(object, 'told'));
  if (candidate === undefined) return { ok: false, why: 'no JSON object with a "told" field in the answer' };
  const checked = judgementSchema.safeParse(candidate);
  if (checked.success) return { ok: true, value: checked.data };
  const issue = checked.error.issues[0];
  return { ok: false, why: `${issue?.path.join('.') || 'the object'}: ${issue?.message ?? 'invalid'}` };
}
