/**
 * How fast answers become durable. Peers, in the same run and on the same disk: one fsync per record (the disk's limit for
 * careful one-by-one appending), one file per record with `write-file-atomic` (what many caches do), and appending without
 * fsync (the upper bound: what it would cost to promise nothing).
 */
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { createJsonLines } from '../src/base/files/json-lines.js';
import { sha256 } from '../src/base/hash.js';
import { median } from '../src/base/median.js';
import { type AnswerKey, answerRow } from '../src/models/answers/answer-row.js';
import { AnswerStore } from '../src/models/answers/answer-store.js';
import type { ChatAnswer } from '../src/models/chat.js';
import { line, rounded, secondsOf } from './measure.js';

const REPETITIONS = 5;
/** As long as an answer with a short reasoning. */
const content = 'A short answer with some code in it. '.repeat(80);

// The folder decides which disk is measured: a temporary folder is often memory.
const root = resolve(process.argv[2] ?? '.');
const folder = await mkdtemp(join(root, '.bench-answers-'));
let files = 0;

/** A place that no earlier run has used. */
function freshPath(name: string): string {
  files += 1;
  return join(folder, `${name}-${files}`);
}

function keyOf(index: number): AnswerKey {
  return { request: sha256(`question ${index}`), attempt: 0 };
}

function answerTo(key: AnswerKey): ChatAnswer {
  return { request: key.request, reasoning: null, content, finish: 'stop', tokens: { input: 500, output: 700 } };
}

/** Calls `put` for every record, so many at once. */
async function inParallel(records: number, width: number, put: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < records) {
      next += 1;
      await put(next);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
}

async function store(records: number, width: number): Promise<number> {
  await using answers = await AnswerStore.open(freshPath('store'));
  // Without `await` the store would be closed before the first answer.
  return await secondsOf(() =>
    inParallel(records, width, (index) => answers.put(keyOf(index), answerTo(keyOf(index)), 0)),
  );
}

async function fsyncPerRecord(records: number): Promise<number> {
  const handle = await open(freshPath('one-by-one'), 'ax');
  const seconds = await secondsOf(() =>
    inParallel(records, 1, async (index) => {
      const key = keyOf(index);
      await handle.appendFile(`${JSON.stringify(answerRow(key, answerTo(key), 0))}\n`);
      await handle.datasync();
    }),
  );
  await handle.close();
  return seconds;
}

async function filePerRecord(records: number, width: number): Promise<number> {
  const place = freshPath('files');
  await mkdir(place);
  return secondsOf(() =>
    inParallel(records, width, async (index) => {
      const key = keyOf(index);
      await writeFileAtomic(join(place, `${key.request}.json`), JSON.stringify(answerRow(key, answerTo(key), 0)));
    }),
  );
}

async function withoutFsync(records: number, width: number): Promise<number> {
  const path = freshPath('loose');
  const lines = await createJsonLines<object>(path, { durable: false });
  const seconds = await secondsOf(() =>
    inParallel(records, width, (index) => lines.append(answerRow(keyOf(index), answerTo(keyOf(index)), 0))),
  );
  await lines.close();
  // Else the next contender's first fsync would wait for these bytes too.
  const handle = await open(path, 'r');
  await handle.sync();
  await handle.close();
  return seconds;
}

const contenders: readonly { readonly name: string; readonly records: number; readonly run: () => Promise<number> }[] =
  [
    { name: 'one fsync per record, one writer (limit)', records: 400, run: () => fsyncPerRecord(400) },
    { name: 'answer store, 1 question at a time', records: 400, run: () => store(400, 1) },
    { name: 'write-file-atomic, one file per record, 64 at a time', records: 1000, run: () => filePerRecord(1000, 64) },
    { name: 'answer store, 64 questions at a time', records: 4000, run: () => store(4000, 64) },
    { name: 'answer store, 256 questions at a time', records: 8000, run: () => store(8000, 256) },
    { name: 'no fsync at all, 256 at a time (upper bound)', records: 8000, run: () => withoutFsync(8000, 256) },
  ];

try {
  const seconds = new Map<string, number[]>();
  // In turns, so that a busy minute hits everybody.
  for (let repetition = 0; repetition < REPETITIONS; repetition += 1) {
    for (const { name, run } of contenders) seconds.set(name, [...(seconds.get(name) ?? []), await run()]);
  }
  const rates = contenders.map(({ name, records }) => records / (median(seconds.get(name) ?? []) ?? 0));
  const limit = rates[0] ?? 1;
  process.stdout.write(`Durable answers of ${Buffer.byteLength(content)} bytes, in ${root}\n`);
  for (const [index, { name }] of contenders.entries()) {
    const rate = rates[index] ?? 0;
    line(name, `${rounded(rate)}/s`, `${rounded(rate / limit)} × one fsync per record`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
