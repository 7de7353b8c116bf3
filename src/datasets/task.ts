import * as z from 'zod';
import { sha256, sha256Json } from '../base/hash.js';

/** A coding task: what a user might ask for, in their words. The record that every later stage carries along. */
export const taskSchema = z.strictObject({
  schema: z.literal(1),
  /** `task-` + 16 hex digits over language and normalised prompt: the same task has the same id everywhere. */
  id: z.string().regex(/^task-[0-9a-f]{16}$/),
  prompt: z.string().min(1),
  /** Lower-case name (`python`, `cpp`, `go`), or `unknown`. */
  language: z.string().min(1),
  /** Where it came from, as the recipe names it, and the row there, counting from 1. */
  source: z.string(),
  row: z.number().int().positive(),
  licence: z.string().nullable(),
});
export type Task = z.infer<typeof taskSchema>;

/** Line ends and outer blank space carry no meaning; everything else does. */
export function normalisePrompt(prompt: string): string {
  return prompt.replace(/\r\n?/g, '\n').trim();
}

/** The content id of a task: 64 bits of the SHA-256 of `{ language, prompt }` as canonical JSON. Half a character has none, and throws. */
export function taskId(prompt: string, language: string): string {
  const content = { language, prompt: normalisePrompt(prompt) };
  // Of two texts in the order of their names the canonical JSON is what JSON is anyway, where both are text. A million tasks want an id each.
  const isPlain = language.isWellFormed() && content.prompt.isWellFormed();
  return `task-${(isPlain ? sha256(JSON.stringify(content)) : sha256Json(content)).slice(0, 16)}`;
}
