import { renameSync } from 'node:fs';
import { appendFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../../src/base/hash.js';
import { answerRow } from '../../../../src/models/answers/answer-row.js';
import { AnswerStore } from '../../../../src/models/answers/answer-store.js';
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

async function expectAll(store: AnswerStore, count: number): Promise<void> {
  expect(store.size).toBe(count);
  for (let n = 0; n < count; n += 1) expect((await store.get(key(n)))?.answer).toEqual(answer(n));
}

describe('compacting', () => {
  it('makes one small file of all, old ones too, in which every answer is found at its old price', async () => {
    const plain = [0, 1].map((n) => `${JSON.stringify(answerRow(key(n), answer(n), 0.5))}\n`).join('');
    await writeFile(join(path, '01ARZ3NDEKTSV4RRFFQ69G5FAV.jsonl'), `${plain}{"torn`);
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
    for (const at of [second - 20, second + 40]) bytes[at] = (bytes[at] ?? 0) ^ 0x55;
    await writeFile(join(path, segment), bytes);
    await appendFile(join(path, segment), 'torn');
    expect(await checkAnswers(model, signal)).toEqual({
      files: 1,
      bytes: bytes.length + 4,
      answers: 1,
      cost_usd: 0.5,
      repeated: 0,
      damaged: 2,
      unfinished_bytes: 4,
    });
    expect(await compactAnswers(model, signal)).toMatchObject({ answers: 1, set_aside: [segment] });
    expect(await readFile(join(path, `${segment}.damaged`))).toHaveLength(bytes.length + 4);
    expect(await checkAnswers(model, signal)).toMatchObject({ files: 1, answers: 1, damaged: 0, unfinished_bytes: 0 });
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
