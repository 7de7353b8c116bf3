/**
 * What the filter `parse` of the curation makes of answers that are sound, and of the same answers cut off in the middle, by language. It reads a file with
 * rows of tasks and answers (answers without fences count where they look like code), and the snippets of `tests/security/snippets`,
 * all of which are sound. Whether the filter should be on was decided by this.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { codeLanguage } from '../src/datasets/languages/code-language.js';
import { taskLanguage } from '../src/datasets/languages/task-language.js';
import { localFile } from '../src/datasets/rows/data-file.js';
import { readRows } from '../src/datasets/rows/row-file.js';
import { readCode } from '../src/stages/curate/syntax/read-code.js';
import { type FencedBlock, fencedBlocks } from '../src/suites/answers/fenced-blocks.js';

const [file, prompts = '', answers = ''] = process.argv.slice(2);
if (file !== undefined && answers === '')
  throw new Error('usage: npx tsx bench/parsed-answers.ts [FILE PROMPT_COLUMN[+…] ANSWER_COLUMN[+…]]');

const names = ['pass', 'unverified', 'dropped', 'cut', 'cut_dropped'] as const;
type Counts = Record<(typeof names)[number], number>;

type Answer = readonly [language: string, blocks: readonly FencedBlock[]];

async function measured(rows: AsyncIterable<Answer> | Iterable<Answer>): Promise<void> {
  const found = new Map<string, Counts>();
  const objections: string[] = [];
  for await (const [language, blocks] of rows) {
    const counts = found.get(language) ?? { pass: 0, unverified: 0, dropped: 0, cut: 0, cut_dropped: 0 };
    found.set(language, counts);
    const verdict = await readCode(blocks, language);
    counts[typeof verdict === 'object' ? 'dropped' : verdict] += 1;
    if (typeof verdict === 'object') objections.push(verdict.detail);
    if (verdict !== 'pass') continue;
    counts.cut += 1;
    const cut = blocks.map(({ tag, text }) => ({ tag, text: text.slice(0, text.length * 0.6) }));
    if (typeof (await readCode(cut, language)) === 'object') counts.cut_dropped += 1;
  }
  const row = (cells: readonly (string | number)[]) => `${cells.map((cell) => String(cell).padEnd(13)).join('')}\n`;
  process.stdout.write(row(['language', ...names]));
  for (const [language, counts] of [...found].sort())
    process.stdout.write(row([language, ...names.map((name) => counts[name])]));
  process.stdout.write(`\n${objections.map((objection) => `  ${objection}\n`).join('')}\n`);
}

interface Snippet {
  readonly language: string;
  readonly good: string;
  readonly bad: string;
}

function snippets(): readonly Answer[] {
  const folder = join(import.meta.dirname, '..', 'tests', 'security', 'snippets');
  return readdirSync(folder)
    .flatMap((name) => parse(readFileSync(join(folder, name), 'utf8')) as Snippet[])
    .flatMap(({ language, good, bad }) => [good, bad].map((text) => [language, [{ tag: language, text }]] as const));
}

async function* answersIn(path: string): AsyncIterable<Answer> {
  for await (const row of readRows(await localFile(path))) {
    if (!('value' in row)) continue;
    const { value } = row;
    const text = (columns: string) =>
      columns
        .split('+')
        .map((column) => String(value[column] ?? ''))
        .join('');
    const [prompt, answer] = [text(prompts), text(answers)];
    const language = taskLanguage({ prompt, answer });
    const blocks = fencedBlocks(answer);
    if (blocks.length > 0) yield [language, blocks];
    else if (codeLanguage(answer) === language) yield [language, [{ tag: language, text: `${answer.trimEnd()}\n` }]];
  }
}

await measured(snippets());
if (file !== undefined) await measured(answersIn(file));
