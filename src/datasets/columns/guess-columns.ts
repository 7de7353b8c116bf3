import { isLanguage } from '../languages/language-names.js';
import { textOrTurn } from './chat.js';
import { type Columns, isPlaceholder } from './column-map.js';
import { licenceOf } from './licence.js';
import type { RowValue } from './value-at.js';

/** What public datasets call the column of the task, the likeliest first. */
const promptNames = [
  ...['prompt', 'problem', 'instruction', 'question', 'query', 'task', 'instructions', 'problem_statement'],
  ...[
    'problem_description',
    'task_description',
    'description',
    'user_prompt',
    'messages',
    'conversations',
    'conversation',
  ],
  ...['input', 'text'],
];
const languageNames = ['language', 'lang', 'programming_language', 'languages', 'code_language'];
const answerNames = ['solution', 'answer', 'output', 'response', 'completion', 'canonical_solution', 'code'];
const licenceNames = ['license', 'licence', 'licenses'];

/** Rows that are looked at for a guess. */
export const rowsForGuess = 100;
/** A column is what it seems to be if it is so in this share of the rows. */
const wantedShare = 0.5;

/**
 * Which columns hold what, by their names and by what stands in them. `undefined` when no column looks like a task: none has one of the usual names, or
 * what stands there is a placeholder.
 */
export function guessColumns(values: readonly RowValue[]): Columns | undefined {
  const named = (names: readonly string[], fits: (value: unknown) => boolean): string | undefined =>
    names
      .map((name) => spelledIn(values, name))
      .find((name) => name !== undefined && share(values, name, fits) >= wantedShare);
  const prompt = named(promptNames, isTask);
  if (prompt === undefined) return undefined;
  const input = prompt.toLowerCase() === 'instruction' ? spelledIn(values, 'input') : undefined;
  const second =
    input !== undefined && values.every((value) => typeof (value[input] ?? '') === 'string') ? [input] : [];
  return {
    prompt: [prompt, ...second],
    language: named(languageNames, namesLanguage),
    answer: named(
      answerNames.filter((name) => name !== prompt),
      (value) => typeof value === 'string' && value.trim() !== '',
    ),
    licence_column: named(licenceNames, (value) => licenceOf(value) !== null),
  };
}

/** As a recipe has it. */
export function columnsInYaml(columns: Partial<Columns>): string {
  return Object.entries(columns)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}: ${Array.isArray(value) ? listInYaml(value) : textInYaml(String(value))}`)
    .join(', ');
}

function listInYaml(names: readonly string[]): string {
  const written = names.map(textInYaml).join(', ');
  return names.length === 1 ? written : `[${written}]`;
}

/** A text as YAML reads it back, inside of braces too: quoted only where that would be something else. */
export function textInYaml(text: string): string {
  const isPlain =
    /^(?:\.{0,2}\/)?[A-Za-z_][\w./+-]*$/.test(text) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text);
  if (isPlain) return text;
  // What cannot be seen is written out, so that it steers no terminal.
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The column of this name, whatever the case. */
function spelledIn(values: readonly RowValue[], name: string): string | undefined {
  for (const value of values) {
    const found = Object.keys(value).find((key) => key.toLowerCase() === name);
    if (found !== undefined) return found;
  }
  return undefined;
}

function share(values: readonly RowValue[], name: string, fits: (value: unknown) => boolean): number {
  return values.filter((value) => fits(value[name])).length / Math.max(1, values.length);
}

function isTask(value: unknown): boolean {
  const text = textOrTurn(value)?.question;
  return text !== undefined && !isPlaceholder(text);
}

function namesLanguage(value: unknown): boolean {
  const [only, ...others] = Array.isArray(value) ? value : [value];
  return typeof only === 'string' && others.length === 0 && isLanguage(only);
}
