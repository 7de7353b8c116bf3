/**
 * How often the contamination check takes a task of FILE for one of the suite `mini`, and an answer for a copy of one; and how often the leak filter, and what was learnt
 * of leaks, take an answer for one whose author was told what to look for. Each hit is shown for a
 * person to judge: what is much like a problem may well be dropped. The figures in docs/filters.md are on data that nobody had
 * looked at while the check was made.
 */

import { join } from 'node:path';
import { packageRoot } from '../src/base/package-root.js';
import { taskOf } from '../src/datasets/columns/column-map.js';
import { columnsInYaml } from '../src/datasets/columns/guess-columns.js';
import { valueAt } from '../src/datasets/columns/value-at.js';
import { ContaminationIndex } from '../src/datasets/contamination.js';
import { sourceSchema } from '../src/datasets/sources/source.js';
import { columnsOfSource, sourceRows } from '../src/datasets/sources/source-rows.js';
import type { Hub } from '../src/hub/hub.js';
import { mostGivenAway } from '../src/security/texts/giveaway/giveaway.js';
import { guidedTalk } from '../src/security/texts/guided-talk.js';
import { curateParams } from '../src/stages/curate/params.js';
import { loadFolder } from '../src/suites/files/files-suite.js';

const [file, answer] = process.argv.slice(2);
if (file === undefined) throw new Error('usage: npx tsx bench/false-hits.ts FILE [COLUMN OF ANSWERS]');
const mini = await loadFolder('mini', join(packageRoot, 'src', 'suites', 'mini', 'problems'));
const index = new ContaminationIndex(
  mini.references.map(({ problem, text }) => ({ reference: `mini/${problem}`, text })),
);
const source = sourceSchema.parse({ file, answer });
const from = { hub: undefined as unknown as Hub, folder: undefined, signal: new AbortController().signal, seed: 0 };
const { columns } = await columnsOfSource(source, from);
const { giveaway_score } = curateParams.parse({});
let [tasks, taken, answers, copied, leaked, givenAway] = [0, 0, 0, 0, 0, 0];
for await (const { fileRow } of sourceRows(source, columns, from)) {
  const task = taskOf(fileRow, columns, file);
  if ('problem' in task) continue;
  tasks += 1;
  const hit = index.find(task.prompt);
  if (hit !== undefined) {
    taken += 1;
    process.stdout.write(
      `${hit.kind} of ${hit.reference} ("${hit.words}"): ${JSON.stringify(task.prompt.slice(0, 300))}\n`,
    );
  }
  const said =
    columns.answer === undefined || !('value' in fileRow) ? undefined : valueAt(fileRow.value, columns.answer);
  if (typeof said !== 'string') continue;
  answers += 1;
  const told = guidedTalk(said, task.prompt);
  if (told !== undefined) {
    leaked += 1;
    process.stdout.write(`leak ("${told}"): ${JSON.stringify(said.slice(0, 300))}\n`);
  }
  const most = mostGivenAway(said);
  if (most !== undefined && most.score >= giveaway_score) {
    givenAway += 1;
    process.stdout.write(`giveaway (${most.score.toFixed(2)}): ${JSON.stringify(most.passage)}\n`);
  }
  const copy = index.findCopy(said);
  if (copy === undefined) continue;
  copied += 1;
  process.stdout.write(
    `answer, ${copy.kind} of ${copy.reference} ("${copy.words}"): ${JSON.stringify(said.slice(0, 300))}\n`,
  );
}
const share = (count: number, of: number): string =>
  `${count} of ${of}${of === 0 ? '' : ` (${((100 * count) / of).toFixed(2)} %)`}`;
process.stdout.write(
  `${file} (${columnsInYaml(columns)})\nprompts taken for one of mini: ${share(taken, tasks)}\nanswers: ${share(copied, answers)}\nanswers taken for leaks: ${share(leaked, answers)}, by what was learnt: ${share(givenAway, answers)}\n`,
);
