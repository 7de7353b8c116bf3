import { existsSync } from 'node:fs';
import { appendFile, copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Sha256, sha256 } from '../../../src/base/hash.js';
import { answerRow } from '../../../src/models/answers/answer-row.js';
import { AnswerStore } from '../../../src/models/answers/answer-store.js';
import { packFrame } from '../../../src/models/answers/format/answer-frame.js';
import { modelFolders } from '../../../src/models/answers/model-folder.js';
import type { ChatAnswer } from '../../../src/models/chat.js';
import { watchFaults } from '../../support/fault-points.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'secpi-store-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function answer(name: string, content = `answer to ${name}`): ChatAnswer {
  return { request: sha256(name), reasoning: null, content, finish: 'stop', tokens: { input: 1, output: 2 } };
}

function key(name: string, attempt = 0): { request: Sha256; attempt: number } {
  return { request: sha256(name), attempt };
}

describe('AnswerStore', () => {
  it('gives back what was put in, now and after it was opened again', async () => {
    const texts = fc.uniqueArray(fc.tuple(fc.string(), fc.string({ unit: 'binary', maxLength: 2000 })), {
      selector: ([name]) => name,
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(texts, async (all) => {
        const own = await mkdtemp(join(folder, 'run-'));
        {
          await using store = await AnswerStore.open(own);
          await Promise.all(all.map(([name, text]) => store.put(key(name), answer(name, text), 0.5)));
          for (const [name, text] of all) {
            expect(await store.get(key(name))).toEqual({ answer: answer(name, text), cost_usd: 0.5 });
          }
        }
        await using again = await AnswerStore.open(own);
        expect(again.size).toBe(all.length);
        for (const [name, text] of all) {
          expect(await again.get(key(name))).toEqual({ answer: answer(name, text), cost_usd: 0.5 });
        }
      }),
      { numRuns: 30 },
    );
  });

  it('keeps attempts at the same request apart', async () => {
    await using store = await AnswerStore.open(folder);
    await store.put(key('q', 0), answer('q', 'first'), 0);
    await store.put(key('q', 1), answer('q', 'second'), 0);
    expect((await store.get(key('q', 1)))?.answer.content).toBe('second');
    expect(await store.get(key('q', 2))).toBeUndefined();
    expect(await store.get(key('other'))).toBeUndefined();
  });

  it('leaves no file behind when nothing was bought', async () => {
    await using store = await AnswerStore.open(folder);
    expect(store.size).toBe(0);
    expect(await readdir(folder)).toEqual([]);
  });

  it('drops a torn last frame, wherever it was torn, and nothing else', async () => {
    {
      await using store = await AnswerStore.open(folder);
      await store.put(key('a'), answer('a'), 0);
      await store.put(key('b'), answer('b'), 0);
    }
    const [segment = ''] = await readdir(folder);
    const whole = await readFile(join(folder, segment));
    const firstEnd = whole.indexOf(whole.subarray(0, 10), 1);
    expect(firstEnd).toBeGreaterThan(0);
    for (const cut of [firstEnd, firstEnd + 1, firstEnd + 30, firstEnd + 90, whole.length - 1]) {
      await writeFile(join(folder, segment), whole.subarray(0, cut));
      await using store = await AnswerStore.open(folder);
      expect(store.size).toBe(1);
      expect((await store.get(key('a')))?.answer).toEqual(answer('a'));
      expect(await store.get(key('b'))).toBeUndefined();
    }
  });

  it('takes what is damaged for missing, and keeps what is bought in its place', async () => {
    {
      await using store = await AnswerStore.open(folder);
      for (const name of ['a', 'b', 'c']) await store.put(key(name), answer(name), 0);
    }
    const [segment = ''] = await readdir(folder);
    const bytes = await readFile(join(folder, segment));
    const second = bytes.indexOf(bytes.subarray(0, 10), 1);
    // In the compressed text of the first, and in what says where that of the second begins.
    for (const at of [second - 20, second + 10]) bytes[at] = (bytes[at] ?? 0) ^ 0x55;
    await writeFile(join(folder, segment), bytes);
    await using store = await AnswerStore.open(folder);
    expect(await store.get(key('a'))).toBeUndefined();
    expect(store.has(key('a'))).toBe(false);
    expect(store.has(key('b'))).toBe(false);
    expect((await store.get(key('c')))?.answer).toEqual(answer('c'));
    await store.put(key('a'), answer('a', 'bought again'), 0);
    expect((await store.get(key('a')))?.answer.content).toBe('bought again');
  });

  it('finds the answers behind a damaged list', async () => {
    {
      await using store = await AnswerStore.open(folder);
      await Promise.all(['a', 'b', 'c'].map((name) => store.put(key(name), answer(name), 0)));
    }
    const [segment = ''] = await readdir(folder);
    const bytes = await readFile(join(folder, segment));
    const last = bytes.lastIndexOf(bytes.subarray(0, 10));
    bytes[last + 40] = (bytes[last + 40] ?? 0) ^ 0x55;
    await writeFile(join(folder, segment), bytes);
    await using store = await AnswerStore.open(folder);
    expect(store.size).toBe(3);
    for (const name of ['a', 'b', 'c']) expect((await store.get(key(name)))?.answer).toEqual(answer(name));
  });

  it('takes up an answer in whose place something else stood while it was being written', async () => {
    {
      await using store = await AnswerStore.open(folder);
      for (const name of ['a', 'b']) await store.put(key(name), answer(name), 0);
    }
    const [segment = ''] = await readdir(folder);
    const whole = await readFile(join(folder, segment));
    const second = whole.indexOf(whole.subarray(0, 10), 1);
    const halfThere = Buffer.from(whole);
    halfThere.fill(0, second, second + 60);
    await writeFile(join(folder, segment), halfThere);
    await using store = await AnswerStore.open(folder);
    expect(store.size).toBe(1);
    await writeFile(join(folder, segment), whole);
    await store.refresh();
    expect((await store.get(key('b')))?.answer).toEqual(answer('b'));
  });

  it('gives nobody the answer of another, whatever the list of a frame says', async () => {
    const wrong = { a: answerRow(key('b'), answer('b'), 0), c: { ...answerRow(key('c'), answer('c'), 0), attempt: 1 } };
    const { bytes } = await packFrame(
      Object.entries(wrong).map(([name, row]) => ({ key: key(name), text: JSON.stringify(row) })),
    );
    await writeFile(join(folder, `01ARZ3NDEKTSV4RRFFQ69G5FAV.jsonl.gz`), bytes);
    await using store = await AnswerStore.open(folder);
    expect(store.size).toBe(2);
    for (const name of ['a', 'c']) expect(await store.get(key(name))).toBeUndefined();
    expect(store.size).toBe(0);
  });

  it('says that somebody adds to a file from before it is there until it is closed', async () => {
    const points: string[] = [];
    {
      await using store = await AnswerStore.open(folder);
      using _watch = await watchFaults(({ call, path }) => {
        if (call === 'create' && path.endsWith('.jsonl.gz')) points.push(`${existsSync(`${path}.owner`)}`);
        return 'none';
      });
      await store.put(key('a'), answer('a'), 0);
      expect(await readdir(folder)).toEqual([expect.stringMatching(/gz$/), expect.stringMatching(/gz\.owner$/)]);
    }
    expect(points).toEqual(['true']);
    expect(await readdir(folder)).toEqual([expect.stringMatching(/gz$/)]);
  });

  it('forces an answer to the disk before it says that it is kept', async () => {
    await using store = await AnswerStore.open(folder);
    await store.put(key('a'), answer('a'), 0);
    const calls: string[] = [];
    {
      using _watch = await watchFaults(({ call }) => {
        calls.push(call);
        return 'none';
      });
      await store.put(key('b'), answer('b'), 0);
      calls.push('kept');
    }
    expect(calls).toEqual(['append', 'sync', 'kept']);
  });

  it('does not know an answer whose writing failed, and accepts none after it', async () => {
    await using store = await AnswerStore.open(folder);
    await store.put(key('a'), answer('a'), 0);
    {
      using _watch = await watchFaults(({ call }) => (call === 'sync' ? { code: 'EIO' } : 'none'));
      await expect(store.put(key('b'), answer('b'), 0)).rejects.toMatchObject({ code: 'EIO' });
    }
    expect(store.has(key('b'))).toBe(false);
    await expect(store.put(key('c'), answer('c'), 0)).rejects.toMatchObject({ code: 'EIO' });
    expect((await store.get(key('a')))?.answer).toEqual(answer('a'));
  });

  it('reads what older versions wrote: plain lines, under the same hash', async () => {
    const rows = ['a', 'b', 'c'].map((name) => `${JSON.stringify(answerRow(key(name), answer(name), 0.25))}\n`);
    const lines = `\u0000rubbish\n${rows[0]}${rows[1]?.replace('answer to b"', 'answer to b?')}${rows[2]}{"schema":1,"req`;
    await writeFile(join(folder, '01ARZ3NDEKTSV4RRFFQ69G5FAV.jsonl'), lines);
    await using store = await AnswerStore.open(folder);
    expect(store.size).toBe(3);
    expect(await store.get(key('a'))).toEqual({ answer: answer('a'), cost_usd: 0.25 });
    expect(await store.get(key('b'))).toBeUndefined();
    expect((await store.get(key('c')))?.answer).toEqual(answer('c'));
    await store.put(key('b'), answer('b'), 0);
    await using again = await AnswerStore.open(folder);
    expect((await again.get(key('b')))?.answer).toEqual(answer('b'));
  });

  it('takes the older of two answers, whatever wrote them', async () => {
    await writeFile(
      join(folder, '01ARZ3NDEKTSV4RRFFQ69G5FAV.jsonl'),
      `${JSON.stringify(answerRow(key('a'), answer('a', 'the older')))}\n`,
    );
    const other = await mkdtemp(join(folder, 'other-'));
    {
      await using store = await AnswerStore.open(other);
      await store.put(key('a'), answer('a', 'the newer'), 0);
    }
    const [segment = ''] = await readdir(other);
    await copyFile(join(other, segment), join(folder, segment));
    await using store = await AnswerStore.open(folder);
    expect(store.size).toBe(1);
    expect((await store.get(key('a')))?.answer.content).toBe('the older');
  });

  it('is a tenth of its text on the disk where texts are like each other, and `zcat` shows them', async () => {
    const names = Array.from({ length: 200 }, (_, index) => `q${index}`);
    const text = 'First I look at how the value gets here, and then at who may change it. '.repeat(10);
    await using store = await AnswerStore.open(folder);
    await Promise.all(names.map((name) => store.put(key(name), answer(name, `${text}${name}`), 0)));
    const [segment = ''] = await readdir(folder);
    const packed = await readFile(join(folder, segment));
    const rows = gunzipSync(packed).toString().trimEnd().split('\n');
    expect(rows.length).toBe(200);
    expect(JSON.parse(rows[7] ?? '')).toEqual(answerRow(key('q7'), answer('q7', `${text}q7`), 0));
    expect(packed.length * 5).toBeLessThan(200 * text.length);
  });

  it('lets two processes write at once, and each see the other’s answers', async () => {
    await using one = await AnswerStore.open(folder);
    await using two = await AnswerStore.open(folder);
    const names = Array.from({ length: 40 }, (_, index) => `q${index}`);
    await Promise.all(names.map((name, index) => (index % 2 === 0 ? one : two).put(key(name), answer(name), 0)));
    await one.refresh();
    await two.refresh();
    for (const store of [one, two]) {
      for (const name of names) expect((await store.get(key(name)))?.answer).toEqual(answer(name));
    }
    await two.put(key('late'), answer('late'), 0);
    expect(one.has(key('late'))).toBe(false);
    await one.refresh();
    expect((await one.get(key('late')))?.answer).toEqual(answer('late'));
  });

  it('does not take up a frame that another process is still writing', async () => {
    const other = await mkdtemp(join(folder, 'other-'));
    {
      await using store = await AnswerStore.open(other);
      await store.put(key('a'), answer('a'), 0);
      await store.put(key('b'), answer('b'), 0);
    }
    const [segment = ''] = await readdir(other);
    const whole = await readFile(join(other, segment));
    const path = join(folder, segment);
    await writeFile(path, whole.subarray(0, -30));
    await using reader = await AnswerStore.open(folder);
    expect(reader.size).toBe(1);
    await appendFile(path, whole.subarray(-30));
    await reader.refresh();
    expect((await reader.get(key('b')))?.answer.content).toBe('answer to b');
  });

  it('writes down whose answers these are', async () => {
    await using store = await AnswerStore.open(join(folder, 'answers', 'm'), 'some/model@main');
    expect(await modelFolders(folder)).toEqual([]);
    await store.put(key('a'), answer('a'), 0);
    expect(await modelFolders(folder)).toEqual([
      { name: 'm', path: join(folder, 'answers', 'm'), identity: 'some/model@main' },
    ]);
  });

  it('reads from more segments than it keeps open', async () => {
    const names = Array.from({ length: 80 }, (_, index) => `q${index}`);
    for (const name of names) {
      await using store = await AnswerStore.open(folder);
      await store.put(key(name), answer(name), 0);
    }
    await using store = await AnswerStore.open(folder);
    expect((await readdir(folder)).length).toBe(80);
    for (const name of names) expect((await store.get(key(name)))?.answer).toEqual(answer(name));
  });
});
