/**
 * What a threshold of `collect.near_duplicates` finds: the share of edited copies that are found, by kind of edit and length of the text, and how many of the
 * tasks of FILE are dropped as copies of each other. Printed for each threshold; the pairs that only the lowest threshold takes are shown for a
 * person to judge. The default was chosen by this.
 */

import { taskOf } from '../src/datasets/columns/column-map.js';
import { columnsInYaml } from '../src/datasets/columns/guess-columns.js';
import { NearDuplicates } from '../src/datasets/duplicates/near-duplicates.js';
import { mixed } from '../src/datasets/mix.js';
import { sourceSchema } from '../src/datasets/sources/source.js';
import { columnsOfSource, sourceRows } from '../src/datasets/sources/source-rows.js';
import { wordsOf } from '../src/datasets/words.js';
import type { Hub } from '../src/hub/hub.js';

const THRESHOLDS = [0.3, 0.4, 0.45, 0.5, 0.6, 0.7];

const [file, shown = '12'] = process.argv.slice(2);
if (file === undefined) throw new Error('usage: npx tsx bench/near-duplicates.ts FILE [PAIRS]');
const source = sourceSchema.parse({ file });
const from = { hub: undefined as unknown as Hub, folder: undefined, signal: new AbortController().signal, seed: 0 };
const { columns } = await columnsOfSource(source, from);
const prompts: string[] = [];
for await (const { fileRow } of sourceRows(source, columns, from)) {
  const task = taskOf(fileRow, columns, file);
  if (!('problem' in task)) prompts.push(task.prompt);
}
process.stdout.write(`${prompts.length} tasks of ${file} (${columnsInYaml(columns)})\n\n`);

/** Words to put into texts: those of the file. */
const vocabulary = [...new Set(prompts.flatMap((prompt) => wordsOf(prompt)))];
const other = (n: number): string => vocabulary[mixed(n, 17) % vocabulary.length] ?? '';
/** One word in so many becomes others, beginning somewhere. */
const every = (count: number, change: (word: string, at: number) => string) => (text: string, n: number) =>
  text
    .split(/(\s+)/)
    .map((part, at) => (at % 2 === 0 && (at / 2 + mixed(n, 3)) % count === 0 ? change(part, at + n) : part))
    .join('');

const EDITS: Readonly<Record<string, (text: string, n: number) => string>> = {
  'case and punctuation': (text) => text.toUpperCase().replace(/[.,]/g, ' ;'),
  'one word in 20 is another': every(20, (_word, at) => other(at)),
  'one word in 12 is another': every(12, (_word, at) => other(at)),
  'one word in 8 is another': every(8, (_word, at) => other(at)),
  'one word in 12 left out': every(12, () => ''),
  'one word in 12 put in': every(12, (word, at) => `${word} ${other(at)}`),
  'a sentence before and after': (text) => `You are an expert programmer. ${text} Explain your code.`,
  'sentences in another order': (text) =>
    text
      .split(/(?<=[.!?])\s+/)
      .reverse()
      .join(' '),
};
const LENGTHS = [
  ['8 to 15 words', 8, 15],
  ['16 to 30 words', 16, 30],
  ['over 30 words', 31, Number.POSITIVE_INFINITY],
] as const;

process.stdout.write(
  `share of edited copies that are found at\n${''.padEnd(48)}${THRESHOLDS.map((t) => String(t).padStart(7)).join('')}\n`,
);
for (const [length, least, most] of LENGTHS) {
  const texts = prompts.filter((prompt) => {
    const words = prompt.split(/\s+/).length;
    return words >= least && words <= most;
  });
  for (const [name, edit] of Object.entries(EDITS)) {
    const shares = THRESHOLDS.map((threshold) => {
      const near = new NearDuplicates(threshold);
      const kept = texts.filter((text) => near.add(text) === undefined);
      const pairs = kept.map((text, n) => [text, edit(text, n)] as const).filter(([text, copy]) => text !== copy);
      const found = pairs.filter(([, copy]) => near.add(copy) !== undefined);
      return pairs.length === 0 ? '' : (found.length / pairs.length).toFixed(2);
    });
    process.stdout.write(
      `${`${length} (${texts.length}): ${name}`.padEnd(48)}${shares.map((share) => share.padStart(7)).join('')}\n`,
    );
  }
}

const dropped = THRESHOLDS.map((threshold) => {
  const near = new NearDuplicates(threshold);
  return prompts.filter((prompt) => near.add(prompt) !== undefined).length;
});
process.stdout.write(
  `\n${'tasks of the file that are dropped'.padEnd(48)}${dropped.map((count) => String(count).padStart(7)).join('')}\n\n`,
);

for (const [index, threshold] of THRESHOLDS.entries()) {
  const near = new NearDuplicates(threshold);
  const kept: string[] = [];
  const pairs: (readonly [number, string, string])[] = [];
  for (const prompt of prompts) {
    const found = near.add(prompt);
    if (found === undefined) kept.push(prompt);
    else if (found.similarity < (THRESHOLDS[index + 1] ?? 1.1))
      pairs.push([found.similarity, kept[found.of] ?? '', prompt]);
  }
  process.stdout.write(`from ${threshold}: ${pairs.length} pairs, some of them\n`);
  const step = Math.max(1, Math.floor(pairs.length / Number(shown)));
  for (const [similarity, earlier, later] of pairs.filter((_pair, n) => n % step === 0).slice(0, Number(shown)))
    process.stdout.write(
      `  ${similarity.toFixed(2)} ${JSON.stringify(earlier.slice(0, 160))}\n       ${JSON.stringify(later.slice(0, 160))}\n`,
    );
}
