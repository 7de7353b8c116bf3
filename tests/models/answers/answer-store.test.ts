import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Sha256, sha256 } from '../../../src/base/hash.js';
import { AnswerStore } from '../../../src/models/answers/answer-store.js';
import type { ChatAnswer } from '../../../src/models/chat.js';

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
            expect(await store.get(key(name))).toEqual({ answer: answer(name, text), cost_usd: 0.5, own: true });
          }
        }
        await using again = await AnswerStore.open(own);
        expect(again.size).toBe(all.length);
        for (const [name, text] of all) {
          expect(await again.get(key(name))).toEqual({ answer: answer(name, text), cost_usd: 0.5, own: false });
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

  it('drops a torn last line, wherever it was torn, and nothing else', async () => {
    {
      await using store = await AnswerStore.open(folder);
      await store.put(key('a'), answer('a'), 0);
      await store.put(key('b'), answer('b'), 0);
    }
    const [segment = ''] = await readdir(folder);
    const whole = await readFile(join(folder, segment));
    const firstEnd = whole.indexOf('\n') + 1;
    for (const cut of [firstEnd, firstEnd + 1, firstEnd + 90, whole.length - 1]) {
      await writeFile(join(folder, segment), whole.subarray(0, cut));
      await using store = await AnswerStore.open(folder);
      expect(store.size).toBe(1);
      expect((await store.get(key('a')))?.answer).toEqual(answer('a'));
      expect(await store.get(key('b'))).toBeUndefined();
    }
  });

  it('takes a damaged row for a missing one', async () => {
    {
      await using store = await AnswerStore.open(folder);
      await store.put(key('a'), answer('a'), 0);
      await store.put(key('b'), answer('b'), 0);
    }
    const [segment = ''] = await readdir(folder);
    const text = await readFile(join(folder, segment), 'utf8');
    await writeFile(join(folder, segment), `\u0000rubbish\n${text.replace('answer to a"', 'answer to a?')}`);
    await using store = await AnswerStore.open(folder);
    expect(await store.get(key('a'))).toBeUndefined();
    expect(store.has(key('a'))).toBe(false);
    expect((await store.get(key('b')))?.answer).toEqual(answer('b'));
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

  it('does not take up a line that another process is still writing', async () => {
    {
      await using store = await AnswerStore.open(folder);
      await store.put(key('a'), answer('a'), 0);
    }
    const [segment = ''] = await readdir(folder);
    const path = join(folder, segment);
    const line = (await readFile(path, 'utf8')).replace(sha256('a'), sha256('b'));
    await appendFile(path, line.slice(0, 120));
    await using reader = await AnswerStore.open(folder);
    expect(reader.has(key('b'))).toBe(false);
    await appendFile(path, line.slice(120));
    await reader.refresh();
    expect((await reader.get(key('b')))?.answer.content).toBe('answer to a');
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
