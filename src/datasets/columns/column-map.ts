import * as z from 'zod';
import { taskLanguage } from '../languages/task-language.js';
import type { FileRow } from '../rows/file-row.js';
import { normalisePrompt, type Task, taskId } from '../task.js';
import { chatIn, firstTurn, textOrTurn } from './chat.js';
import { licenceOf } from './licence.js';
import { columnsOf, type RowValue, valueAt } from './value-at.js';

/** Which columns of a source hold what. */
export const columnMapSchema = z.strictObject({
  /**
   * Column of the task's text; several are joined by a blank line (Alpaca's `[instruction, input]`). A path (`meta.prompt`, `turns.0`) leads into a column. Of a list
   * of chat messages it is the first question. Left out, the columns are guessed and said.
   */
  prompt: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).optional(),
  /** Column of the programming language. Without it, or where it is empty, it is the language that the task names or its code is in. */
  language: z.string().min(1).optional(),
  /** Column of an answer; without it that to the first question of a chat. Of a task it only tells the language, where the task does not. */
  answer: z.string().min(1).optional(),
  /** The licence that the source is under; travels with every row. */
  licence: z.string().min(1).optional(),
  /** Column of the licence that a row is under; where it is empty, that of the source holds. */
  licence_column: z.string().min(1).optional(),
});

/** A map in which nothing is left to guess. */
export interface Columns {
  readonly prompt: readonly string[];
  readonly language?: string | undefined;
  readonly answer?: string | undefined;
  /** Only of sources whose answers are wanted too. */
  readonly reasoning?: string | undefined;
  readonly licence?: string | undefined;
  readonly licence_column?: string | undefined;
}

/** Why a row is no task: it is not as it should be, or it holds something in place of a prompt. */
export interface NoTask {
  readonly code: 'bad_row' | 'placeholder';
  readonly problem: string;
}

/** Words that datasets put where a prompt is missing. */
const placeholders = new Set([
  'n/a',
  'na',
  'none',
  'null',
  'nil',
  'nan',
  'undefined',
  'todo',
  'tbd',
  'empty',
  'placeholder',
  '[deleted]',
  '[removed]',
  '<prompt>',
  '{prompt}',
]);

/** Whether a text stands in place of a prompt: nothing, one of the usual words, or neither a letter nor a digit (`-`, `...`). */
export function isPlaceholder(prompt: string): boolean {
  return !/[\p{L}\p{N}]/u.test(prompt) || placeholders.has(prompt.trim().toLowerCase());
}

/** The columns that a map reads; nothing else of a row is needed. */
export function columnsRead({ prompt, language, answer, reasoning, licence_column }: Columns): readonly string[] {
  return columnsOf([...prompt, language, answer, reasoning, licence_column].filter((path) => path !== undefined));
}

/** A task, or the reason why a row is none. */
export function taskOf(fileRow: FileRow, columns: Columns, source: string): Task | NoTask {
  if ('problem' in fileRow) return { code: 'bad_row', problem: fileRow.problem };
  const { row, value } = fileRow;
  const parts: string[] = [];
  for (const [index, name] of columns.prompt.entries()) {
    const part = valueAt(value, name);
    // Only the first column must be there; further ones are often empty (Alpaca's `input`).
    if (part === undefined || part === null) {
      if (index > 0) continue;
      if (part === null) return { code: 'placeholder', problem: `has nothing in column "${name}"` };
      return { code: 'bad_row', problem: `has no column "${name}" (it has ${columnNames(value)})` };
    }
    const text = textOrTurn(part);
    if (text === undefined)
      return { code: 'bad_row', problem: `column "${name}" is neither text nor a chat with a question` };
    if (text.question.trim() !== '') parts.push(text.question.trim());
  }
  const prompt = normalisePrompt(parts.join('\n\n'));
  if (isPlaceholder(prompt)) {
    const problem =
      prompt === '' ? 'has an empty prompt' : `has a placeholder for a prompt (${JSON.stringify(prompt.slice(0, 40))})`;
    return { code: 'placeholder', problem };
  }
  const language = taskLanguage({
    written: writtenLanguage(value, columns.language),
    prompt,
    answer: answerOf(value, columns),
  });
  const own = columns.licence_column === undefined ? null : licenceOf(valueAt(value, columns.licence_column));
  const licence = own ?? columns.licence ?? null;
  return { schema: 1, id: taskId(prompt, language), prompt, language, source, row, licence };
}

/** The answer in a row: that of its column, or that to the question which is its task. `undefined` where there is none. */
export function answerOf(value: RowValue, { prompt, answer }: Columns): string | undefined {
  const own = answer === undefined ? undefined : textOrTurn(valueAt(value, answer))?.answer;
  if (own !== undefined) return own;
  const chats = prompt.map((name) => chatIn(valueAt(value, name)));
  return chats.map((chat) => firstTurn(chat)?.answer).find((text) => text !== undefined);
}

/** A column may list languages; only one can be meant. */
function writtenLanguage(value: RowValue, column: string | undefined): string | undefined {
  const written = column === undefined ? undefined : valueAt(value, column);
  const [only, ...others] = Array.isArray(written) ? written : [written];
  return typeof only === 'string' && others.length === 0 ? only : undefined;
}

function columnNames(value: RowValue): string {
  return Object.keys(value).slice(0, 8).join(', ') || 'none';
}
