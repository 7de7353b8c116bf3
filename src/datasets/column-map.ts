import * as z from 'zod';
import { mentionedLanguage, normaliseLanguage } from './language.js';
import type { FileRow } from './row-file.js';
import { normalisePrompt, type Task, taskId } from './task.js';

/** Which columns of a source hold what. */
export const columnMapSchema = z.strictObject({
  /** Column of the task's text; several are joined by a blank line (Alpaca's `[instruction, input]`). */
  prompt: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).default('prompt'),
  /** Column of the programming language. Without it, or where it is empty, the language that the task itself names is taken. */
  language: z.string().min(1).optional(),
  /** The licence that the source is under; travels with every row. */
  licence: z.string().min(1).optional(),
});
export type ColumnMap = z.infer<typeof columnMapSchema>;

/** Prompts that datasets put where the real one is missing. */
const placeholders = new Set(['-', '.', 'n/a', 'na', 'none', 'null', 'todo']);

/** A task, or the reason why a row is none. */
export function taskOf(fileRow: FileRow, columns: ColumnMap, source: string): Task | { readonly problem: string } {
  if ('problem' in fileRow) return { problem: fileRow.problem };
  const { row, value } = fileRow;
  const names = typeof columns.prompt === 'string' ? [columns.prompt] : columns.prompt;
  const parts: string[] = [];
  for (const [index, name] of names.entries()) {
    const part = Object.hasOwn(value, name) ? value[name] : undefined;
    // Only the first column must be there; further ones are often empty (Alpaca's `input`).
    if (part === undefined || part === null) {
      if (index > 0) continue;
      return { problem: `has no column "${name}" (it has ${Object.keys(value).slice(0, 8).join(', ') || 'none'})` };
    }
    if (typeof part !== 'string') return { problem: `column "${name}" is not text` };
    if (part.trim() !== '') parts.push(part.trim());
  }
  const prompt = normalisePrompt(parts.join('\n\n'));
  if (prompt === '' || placeholders.has(prompt.toLowerCase())) return { problem: `has an empty prompt` };
  const written =
    columns.language === undefined || !Object.hasOwn(value, columns.language) ? undefined : value[columns.language];
  const language =
    typeof written === 'string' && written.trim() !== '' ? normaliseLanguage(written) : mentionedLanguage(prompt);
  return { schema: 1, id: taskId(prompt, language), prompt, language, source, row, licence: columns.licence ?? null };
}
