import * as z from 'zod';
import { jsonObjectsIn } from './json-objects.js';

/** Most weaknesses that one task may be labelled with; of more, the first count. */
const MOST_CWES = 5;

/** The JSON that the classifier answers with. */
const verdictSchema = z.object({
  relevant: z.boolean(),
  cwes: z.array(z.string().max(200)).max(1000),
  confidence: z.number().min(0).max(1),
  reason: z.string().trim().min(1).max(1000),
});

/** A verdict that was checked against the catalogue. */
export interface Verdict {
  readonly relevant: boolean;
  /** Ids of the catalogue, without doubles; empty when not relevant, or when the model named only ids we do not know. */
  readonly cwes: readonly string[];
  readonly confidence: number;
  readonly reason: string;
  /** What was dropped or mended on reading. */
  readonly notes: readonly string[];
}

/**
 * Reads the classifier's answer. Prose and code fences around the JSON are tolerated (the last object that has a
 * `relevant` field counts); its content is not: wrong types are refused, unknown ids and those behind the fifth dropped with a
 * note. Never throws, and takes time linear in the text.
 *
 * `offered` is the catalogue's `entries`, or fewer when only some were shown.
 */
export function parseVerdict(
  text: string,
  offered: { readonly entries: { has(id: string): boolean } },
): { readonly ok: true; readonly value: Verdict } | { readonly ok: false; readonly why: string } {
  const candidate = jsonObjectsIn(text).findLast((object) => Object.hasOwn(object, 'relevant'));
  if (candidate === undefined) return { ok: false, why: 'no JSON object with a "relevant" field in the answer' };
  const checked = verdictSchema.safeParse(candidate);
  if (!checked.success) {
    const issue = checked.error.issues[0];
    return { ok: false, why: `${issue?.path.join('.') || 'the object'}: ${issue?.message ?? 'invalid'}` };
  }
  const { relevant, confidence, reason } = checked.data;
  if (relevant && checked.data.cwes.length === 0) return { ok: false, why: 'relevant, but no weakness is named' };
  const notes: string[] = [];
  const cwes = new Set<string>();
  for (const written of checked.data.cwes) {
    const id = normaliseCweId(written) ?? written.trim().toUpperCase();
    if (offered.entries.has(id)) cwes.add(id);
    else notes.push(`dropped unknown weakness ${JSON.stringify(written.slice(0, 40))}`);
  }
  for (const id of [...cwes].slice(MOST_CWES)) {
    cwes.delete(id);
    notes.push(`dropped ${id}, which is more than ${MOST_CWES}`);
  }
  if (!relevant && cwes.size > 0) {
    notes.push(`dropped ${[...cwes].join(', ')} of a task called not relevant`);
    cwes.clear();
  }
  return { ok: true, value: { relevant, cwes: [...cwes], confidence, reason, notes } };
}

/** `cwe-089`, `CWE 89` and `89` mean `CWE-89`; anything else means nothing. */
export function normaliseCweId(written: string): string | undefined {
  const digits = /^\s?(?:CWE[-_ ]?)?0{0,4}([1-9]\d{0,4})\s?$/i.exec(written)?.[1];
  return digits === undefined ? undefined : `CWE-${digits}`;
}
