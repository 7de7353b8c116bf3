/**
 * How much smaller traces of your own become, for what can be saved is a matter of the texts: `npx tsx bench/packed-traces.ts COLUMN FILE…`. The texts of that
 * column go into an answer store, as the stage `trace` keeps them, and into the file of an artifact, each once; beside them what `gzip -9` makes of all in one.
 */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { sha256 } from '../src/base/hash.js';
import { localFile } from '../src/datasets/rows/data-file.js';
import { readRows } from '../src/datasets/rows/row-file.js';
import { openOutputDirectory } from '../src/engine/artifacts/output-directory.js';
import { answerRow } from '../src/models/answers/answer-row.js';
import { AnswerStore } from '../src/models/answers/answer-store.js';
import { TRACES } from '../src/stages/trace/records.js';
import { line, rounded } from './measure.js';

const [column, ...files] = process.argv.slice(2);
if (column === undefined || files.length === 0) throw new Error('usage: npx tsx bench/packed-traces.ts COLUMN FILE…');

const texts = new Set<string>();
for (const file of files) {
  for await (const row of readRows(await localFile(file))) {
    const text = 'value' in row ? row.value[column] : undefined;
    if (typeof text === 'string' && text !== '') texts.add(text);
  }
}
const answers = [...texts].map((reasoning) => {
  const tokens = { input: 0, output: 0 };
  return { request: sha256(reasoning), reasoning, content: '', finish: 'stop', tokens } as const;
});
const folder = await mkdtemp(join(tmpdir(), 'secpi-bench-packed-'));
try {
  await using store = await AnswerStore.open(join(folder, 'store'), 'bench');
  await Promise.all(answers.map((answer) => store.put({ request: answer.request, attempt: 0 }, answer, 0)));

  const output = openOutputDirectory(join(folder, 'artifact'), () => Promise.reject(new Error('nothing to adopt')));
  const rows = await output.rows(TRACES);
  for (const answer of answers) await rows.write(answer);
  await output.close();

  const all = answers.map(
    (answer) => `${JSON.stringify(answerRow({ request: answer.request, attempt: 0 }, answer))}\n`,
  );
  const plain = Buffer.byteLength(all.join(''));
  const told = (name: string, bytes: number) =>
    line(name, `${rounded(bytes / 1e6)} MB`, `${rounded(plain / bytes)} times smaller`);
  line(`${answers.length} texts`, `${rounded(plain / 1e6)} MB`, 'plain, with what stands beside them');
  told('in the store', await bytesBelow(join(folder, 'store')));
  told(`in the artifact, ${TRACES}`, (await stat(output.path(TRACES))).size);
  told('gzip -9, all in one', gzipSync(all.join(''), { level: 9 }).length);
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function bytesBelow(path: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(path)) bytes += (await stat(join(path, name))).size;
  return bytes;
}
