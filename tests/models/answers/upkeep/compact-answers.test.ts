import { appendFileSync, existsSync, renameSync, writeFileSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../../src/base/hash.js';
import { thisProcess } from '../../../../src/base/processes/process-owner.js';
import { answerRow } from '../../../../src/models/answers/answer-row.js';
import { AnswerStore } from '../../../../src/models/answers/answer-store.js';
import { packFrame } from '../../../../src/models/answers/format/answer-frame.js';
import type { ModelFolder } from '../../../../src/models/answers/model-folder.js';
import { checkAnswers } from '../../../../src/models/answers/upkeep/check-answers.js';
import { compactAnswers } from '../../../../src/models/answers/upkeep/compact-answers.js';
import type { ChatAnswer } from '../../../../src/models/chat.js';
import { watchFaults } from '../../../support/fault-points.js';

let path: string;
let model: ModelFolder;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'secpi-compact-'));
  model = { name: 'm', path, identity: 'm' };
});
afterEach(() => rm(path, { recursive: true, force: true }));

const { signal } = new AbortController();
const key = (n: number) => ({ request: sha256(`question ${n}`), attempt: 0 });
const answer = (n: number, content = `answer ${n}`): ChatAnswer => ({
  request: key(n).request,
  reasoning: 'hm',
  content,
  finish: 'stop',
  tokens: { input: 1, output: 2 },
});

async function buy(...numbers: readonly number[]): Promise<void> {
  await using store = await AnswerStore.open(path);
  // One after the other, so that each has a frame of its own.
  for (const n of numbers) await store.put(key(n), answer(n), 0.5);
}

async function buyTogether(...numbers: readonly number[]): Promise<void> {
  await using store = await AnswerStore.open(path);
  await Promise.all(numbers.map((n) => store.put(key(n), answer(n), 0.5)));
}

async function expectAll(store: AnswerStore, count: number, size = count): Promise<void> {
  expect(store.size).toBe(size);
  for (let n = 0; n < count; n += 1) expect((await store.get(key(n)))?.answer).toEqual(answer(n));
}

describe('compacting', () => {
  it('makes one small file of all, old ones too, in which every answer is found at its old price', async () => {
    const plain = [0, 1].map((n) => `${JSON.stringify(answerRow(key(n), answer(n), 0.5))}\n`).join('');
    await writeFile(join(path, '01ARZ3NDEKTSV4RRFFQ69G5FAV.jsonl'), `${plain}{"schema":1,"req`);
    await buy(2, 3, 4);
    await buy(5, 6);
    const done = await compactAnswers(model, signal);
    expect(done).toMatchObject({ files: 3, answers: 7, set_aside: [] });
    const names = await readdir(path);
    expect(names).toHaveLength(1);
    expect((await stat(join(path, names[0] ?? ''))).size).toBe(done?.bytes);
    expect(done?.bytes).toBeLessThan((done?.bytes_before ?? 0) * 0.6);
    await using store = await AnswerStore.open(path);
    await expectAll(store, 7);
    expect((await store.get(key(0)))?.cost_usd).toBe(0.5);
    // The order of purchase, and no further answer, is what is left.
    expect(await compactAnswers(model, signal)).toBeUndefined();
    expect(await readdir(path)).toEqual(names);
  });

  it('keeps of two answers to one request the older one, and lets later purchases come after it', async () => {
    for (const content of ['older', 'newer']) {
      const other = await mkdtemp(join(path, 'other-'));
      {
        await using store = await AnswerStore.open(other);
        await store.put(key(0), answer(0, content), 0);
      }
      const [segment = ''] = await readdir(other);
      await writeFile(join(path, segment), await readFile(join(other, segment)));
      await rm(other, { recursive: true });
    }
    expect(await checkAnswers(model, signal)).toMatchObject({ files: 2, answers: 1, repeated: 1, damaged: 0 });
    await compactAnswers(model, signal);
    expect(await checkAnswers(model, signal)).toMatchObject({ files: 1, answers: 1, repeated: 0, damaged: 0 });
    await using store = await AnswerStore.open(path);
    expect((await store.get(key(0)))?.answer.content).toBe('older');
  });

  it('takes no answer from a process that has the store open', async () => {
    for (let n = 0; n < 5; n += 1) await buy(n);
    await using store = await AnswerStore.open(path);
    // Some files are open in it now, others are not.
    await store.get(key(3));
    await compactAnswers(model, signal);
    expect(store.has(key(4))).toBe(true);
    await Promise.all(
      Array.from({ length: 5 }, (_, n) => store.get(key(n)).then((row) => expect(row?.answer).toEqual(answer(n)))),
    );
    expect(store.size).toBe(5);
    // What is gone for good has to be bought.
    for (const name of await readdir(path)) await rm(join(path, name));
    await using late = await AnswerStore.open(path);
    expect(late.size).toBe(0);
  });

  it('leaves the files alone while somebody adds to one, as far as can be told', async () => {
    await buy(0, 1);
    const [dead = ''] = await readdir(path);
    {
      await using store = await AnswerStore.open(path);
      await store.put(key(2), answer(2), 0.5);
      const before = await readdir(path);
      await expect(compactAnswers(model, signal)).rejects.toMatchObject({
        code: 'store/in-use',
        hint: 'Compact when it is over.',
      });
      expect(await readdir(path)).toEqual(before);
    }
    expect(await readdir(path)).toHaveLength(2);
    const owner = await thisProcess();
    const ownedBy = (text: string): Promise<void> => writeFile(join(path, `${dead}.owner`), text);
    for (const text of [JSON.stringify({ schema: 1, owner: { ...owner, boot: 'elsewhere', host: 'far' } }), '{}']) {
      await ownedBy(text);
      await expect(compactAnswers(model, signal)).rejects.toMatchObject({
        code: 'store/in-use',
        hint: expect.stringContaining(`delete ${join(path, dead)}.owner`),
      });
    }
    await ownedBy(JSON.stringify({ schema: 1, owner: { ...owner, started: 'before' } }));
    expect(await compactAnswers(model, signal)).toMatchObject({ files: 2, answers: 3 });
    expect(await readdir(path)).toHaveLength(1);
  });

  it('takes no file away to which somebody begins to add meanwhile', async () => {
    const all = await mkdtemp(join(tmpdir(), 'secpi-compact-meanwhile-'));
    const frames = await Promise.all(
      [8, 9].map((n) => packFrame([{ key: key(n), text: JSON.stringify(answerRow(key(n), answer(n), 0.5)) }])),
    );
    const [first, second] = frames.map(({ bytes }) => bytes) as [Buffer, Buffer];
    await buy(0, 1);
    const [old = ''] = await readdir(path);
    const bought = await readFile(join(path, old));
    const owner = JSON.stringify({ schema: 1, owner: await thisProcess() });
    let [refused, done] = [0, 0];
    try {
      for (let at = 1; ; at += 1) {
        path = join(all, `${at}`);
        model = { name: 'm', path, identity: undefined };
        await mkdir(path);
        await writeFile(join(path, old), bought);
        const segment = join(path, `${ulid()}.jsonl.gz`);
        {
          using _watch = await watchFaults(
            ({ number }) => {
              if (number !== at) return 'none';
              writeFileSync(`${segment}.owner`, owner);
              writeFileSync(segment, first);
              return 'none';
            },
            { looks: true },
          );
          const isDone = await compactAnswers(model, signal).then(
            () => true,
            (error: unknown) => expect(error).toMatchObject({ code: 'store/in-use' }),
          );
          if (!existsSync(`${segment}.owner`)) break;
          if (isDone === true) done += 1;
          else refused += 1;
        }
        appendFileSync(segment, second);
        await using store = await AnswerStore.open(path);
        await expectAll(store, 2, 4);
        for (const n of [8, 9]) expect((await store.get(key(n)))?.answer, `at point ${at}`).toEqual(answer(n));
      }
    } finally {
      await rm(all, { recursive: true, force: true });
    }
    expect(refused).toBeGreaterThan(0);
    expect(done).toBeGreaterThan(10);
  });

  it('forces the new file and its name to the disk before it removes the old ones', async () => {
    await buy(0, 1);
    const steps: string[] = [];
    {
      using _watch = await watchFaults(({ call, path: at }) => {
        const what = at === path ? 'folder' : at.endsWith('.compacting') ? 'new file' : 'old file';
        steps.push(`${call} ${what}`);
        return 'none';
      });
      await compactAnswers(model, signal);
    }
    expect(steps.slice(steps.indexOf('sync new file'))).toEqual([
      'sync new file',
      'rename new file',
      'sync folder',
      'remove old file',
      'remove old file',
      'sync folder',
    ]);
  });

  it('keeps the older answer also when it is cut off between files of one moment', async () => {
    // Names that sort before every other one of that moment.
    for (const [last, content] of ['older', 'newer'].entries()) {
      const { bytes } = await packFrame([
        { key: key(0), text: JSON.stringify(answerRow(key(0), answer(0, content), 0)) },
      ]);
      await writeFile(join(path, `01ARZ3NDEK000000000000000${last}.jsonl.gz`), bytes);
    }
    let removed = 0;
    {
      using _watch = await watchFaults(({ call, path: at }) => {
        if (call === 'remove' && at.endsWith('.gz')) removed += 1;
        return removed === 2 ? { code: 'EIO' } : 'none';
      });
      await expect(compactAnswers(model, signal)).rejects.toMatchObject({ code: 'EIO' });
    }
    expect(await readdir(path)).toHaveLength(2);
    await using store = await AnswerStore.open(path);
    expect((await store.get(key(0)))?.answer.content).toBe('older');
  });

  it('takes no answer from a process that opens the store meanwhile', async () => {
    await buy(0, 1);
    const [segment = ''] = await readdir(path);
    let moved = false;
    using _watch = await watchFaults(
      ({ call, path: looked }) => {
        // As if the compacting came between the list of files and a look at the one.
        if (call === 'look' && looked.endsWith(segment) && !moved) {
          moved = true;
          renameSync(join(path, segment), join(path, `${ulid()}.jsonl.gz`));
        }
        return 'none';
      },
      { looks: true },
    );
    await using store = await AnswerStore.open(path);
    expect(moved).toBe(true);
    expect(store.size).toBe(2);
  });

  it('sets files with damaged answers aside, and leaves a store without them', async () => {
    await buy(0, 1, 2);
    const [segment = ''] = await readdir(path);
    const bytes = await readFile(join(path, segment));
    const second = bytes.indexOf(bytes.subarray(0, 10), 1);
    for (const at of [second - 20, second + 10]) bytes[at] = (bytes[at] ?? 0) ^ 0x55;
    await writeFile(join(path, segment), bytes);
    await appendFile(join(path, segment), bytes.subarray(0, 4));
    expect(await checkAnswers(model, signal)).toEqual({
      files: 1,
      bytes: bytes.length + 4,
      answers: 1,
      cost_usd: 0.5,
      repeated: 0,
      damaged: 2,
      read_back: 0,
      unfinished_bytes: 4,
    });
    expect(await compactAnswers(model, signal)).toMatchObject({ answers: 1, set_aside: [segment] });
    expect(await readFile(join(path, `${segment}.damaged`))).toHaveLength(bytes.length + 4);
    expect(await checkAnswers(model, signal)).toMatchObject({ files: 1, answers: 1, damaged: 0, unfinished_bytes: 0 });
  });

  it('makes a damaged list anew, and loses no answer behind it', async () => {
    await buyTogether(...Array(299).keys());
    await compactAnswers(model, signal);
    const [segment = ''] = await readdir(path);
    const bytes = await readFile(join(path, segment));
    bytes[5000] = (bytes[5000] ?? 0) ^ 1;
    await writeFile(join(path, segment), bytes);
    expect(await checkAnswers(model, signal)).toMatchObject({ answers: 299, damaged: 0, read_back: 299 });
    expect(await compactAnswers(model, signal)).toMatchObject({ answers: 299, set_aside: [] });
    expect(await checkAnswers(model, signal)).toMatchObject({ files: 1, answers: 299, damaged: 0, read_back: 0 });
    await using store = await AnswerStore.open(path);
    await expectAll(store, 299);
  });

  it('keeps what it does not know, and removes what was torn', async () => {
    await buy(0, 1);
    const [segment = ''] = await readdir(path);
    const bought = await readFile(join(path, segment));
    const torn = Buffer.concat([bought.subarray(0, 60), Buffer.alloc(1000)]);
    await appendFile(join(path, segment), torn);
    expect(await checkAnswers(model, signal)).toMatchObject({ answers: 2, damaged: 0, unfinished_bytes: 1060 });
    expect(await compactAnswers(model, signal)).toMatchObject({ answers: 2, set_aside: [] });
    const foreign = `${ulid()}.jsonl.gz`;
    await writeFile(join(path, foreign), gzipSync('what somebody has put there'));
    expect(await checkAnswers(model, signal)).toMatchObject({ answers: 2, damaged: 1, unfinished_bytes: 0 });
    expect(await compactAnswers(model, signal)).toMatchObject({ answers: 2, set_aside: [foreign] });
  });

  it.each(['packed', 'plain'])('hides and loses no answer whichever byte of a %s file changes', async (kind) => {
    const all = await mkdtemp(join(tmpdir(), 'secpi-compact-flips-'));
    await buy(0, 1);
    await buyTogether(2, 3, 4);
    await compactAnswers(model, signal);
    await buy(5);
    const segments = await readdir(path);
    const packed = await Promise.all(segments.map((segment) => readFile(join(path, segment))));
    // A file of several frames, the last of which has several lines.
    const frames = Buffer.concat(packed.toReversed());
    const rows = Array.from({ length: 3 }, (_, n) => `${JSON.stringify(answerRow(key(n), answer(n), 0.5))}\n`);
    const [whole, count] = kind === 'packed' ? [frames, 6] : [Buffer.from(rows.join('')), 3];
    const segment = `01ARZ3NDEKTSV4RRFFQ69G5FAV.jsonl${kind === 'packed' ? '.gz' : ''}`;
    let runs = 0;
    const losesNothing = async (at: number, change: number): Promise<void> => {
      runs += 1;
      path = join(all, `${runs}`);
      model = { name: 'm', path, identity: undefined };
      await mkdir(path);
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] ?? 0) ^ change;
      await writeFile(join(path, segment), bytes);
      const { answers, damaged } = await checkAnswers(model, signal);
      if (answers < count) expect(damaged, `byte ${at}`).toBeGreaterThan(0);
      const done = await compactAnswers(model, signal);
      expect((await checkAnswers(model, signal)).answers, `byte ${at}`).toBe(answers);
      if (answers === count) return;
      const kept = join(path, done === undefined ? segment : `${segment}.damaged`);
      expect(await readFile(kept), `byte ${at}`).toEqual(bytes);
    };
    try {
      await losesNothing(whole.length - 1, 0xff);
      await losesNothing(whole.length - 1, 0x0a);
      const bytes = fc.nat(whole.length - 1);
      await fc.assert(fc.asyncProperty(bytes, fc.integer({ min: 1, max: 255 }), losesNothing), { numRuns: 80 });
    } finally {
      await rm(all, { recursive: true, force: true });
    }
  });

  it('loses nothing whichever of its steps fails, and the next one clears up', async () => {
    const all = await mkdtemp(join(tmpdir(), 'secpi-compact-faults-'));
    try {
      for (let fails = 1; ; fails += 1) {
        path = join(all, `${fails}`);
        model = { name: 'm', path, identity: undefined };
        await buy(0, 1);
        await buy(2);
        let failed = false;
        {
          using _watch = await watchFaults(({ number }) => {
            failed ||= number === fails;
            return number === fails ? { code: 'EIO' } : 'none';
          });
          await compactAnswers(model, signal).catch((error: unknown) => expect(error).toMatchObject({ code: 'EIO' }));
        }
        {
          await using store = await AnswerStore.open(path);
          await expectAll(store, 3);
        }
        await compactAnswers(model, signal);
        expect(await readdir(path)).toHaveLength(1);
        await using store = await AnswerStore.open(path);
        await expectAll(store, 3);
        if (failed) continue;
        expect(fails).toBeGreaterThan(7);
        return;
      }
    } finally {
      await rm(all, { recursive: true, force: true });
    }
  });

  it('ends when it is told to, and changes nothing then', async () => {
    await buy(0, 1);
    const before = await readdir(path);
    await expect(compactAnswers(model, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
    expect(await readdir(path)).toEqual(before);
  });
});
