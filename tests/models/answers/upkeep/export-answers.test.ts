import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../../src/base/hash.js';
import { answerRow } from '../../../../src/models/answers/answer-row.js';
import { AnswerStore } from '../../../../src/models/answers/answer-store.js';
import { answersFolder, folderName, modelFolders } from '../../../../src/models/answers/model-folder.js';
import { openRecording, writeRecording } from '../../../../src/models/answers/recording.js';
import { requestHash } from '../../../../src/models/answers/request-hash.js';
import { exportAnswers } from '../../../../src/models/answers/upkeep/export-answers.js';
import { importAnswers } from '../../../../src/models/answers/upkeep/import-answers.js';
import type { ChatAnswer, ChatRequest } from '../../../../src/models/chat.js';
import { watchFaults } from '../../../support/fault-points.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'secpi-export-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const { signal } = new AbortController();
const identity = 'Qwen/QwQ-32B@main';
const key = (n: number) => ({ request: sha256(`question ${n}`), attempt: n % 2 });
const answer = (n: number): ChatAnswer => ({
  request: key(n).request,
  reasoning: n % 3 === 0 ? null : 'hm',
  content: `answer ${n} ä\u2028`,
  finish: 'stop',
  tokens: { input: 1, output: n },
});
const state = (name: string) => join(folder, name);
const storeIn = (name: string, of = identity) => AnswerStore.open(join(answersFolder(state(name)), folderName(of)), of);

async function bought(count: number, of?: string) {
  await using store = await storeIn('one', of);
  await Promise.all(Array.from({ length: count }, (_, n) => store.put(key(n), answer(n), n / 4)));
  const [model] = await modelFolders(state('one'));
  if (model === undefined) throw new Error('nothing was bought');
  return model;
}

async function importedFrom(path: string, into: string, of?: string) {
  await using recording = await openRecording(path);
  return importAnswers(recording, { stateDir: state(into), identity: of, signal });
}

describe.each(['answers.jsonl', 'answers.jsonl.gz'])('%s', (name) => {
  it('is a recording with every answer, and fills another store with them', async () => {
    const path = join(folder, name);
    const model = await bought(30);
    expect(await exportAnswers(model, path, signal)).toMatchObject({ answers: 30, damaged: 0 });
    {
      await using recording = await openRecording(path);
      expect(recording).toMatchObject({ size: 30, identity });
      for (let n = 0; n < 30; n += 1) expect(await recording.get(key(n))).toEqual(answer(n));
      expect(await recording.get({ ...key(0), attempt: 5 })).toBeUndefined();
    }
    expect(await importedFrom(path, 'two')).toEqual([{ identity, added: 30, there: 0 }]);
    await using other = await storeIn('two');
    for (let n = 0; n < 30; n += 1) {
      expect(await other.get(key(n))).toEqual({ answer: answer(n), cost_usd: n / 4 });
    }
    expect(await importedFrom(path, 'two')).toEqual([{ identity, added: 0, there: 30 }]);
    // What went through two stores is the same recording again.
    const [copy] = await modelFolders(state('two'));
    if (copy !== undefined) await exportAnswers(copy, join(folder, `again-${name}`), signal);
    expect(await readFile(join(folder, `again-${name}`))).toEqual(await readFile(path));
  });

  it('appears whole or not at all', async () => {
    const path = join(folder, name);
    const model = await bought(3);
    await writeFile(path, 'what was there');
    using _watch = await watchFaults(({ call }) => (call === 'sync' ? { code: 'ENOSPC' } : 'none'));
    await expect(exportAnswers(model, path, signal)).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(await readFile(path, 'utf8')).toBe('what was there');
    expect((await readdir(folder)).sort()).toEqual([name, 'one']);
  });

  it('names the file of the store that cannot be read, not its own', async () => {
    const model = await bought(3);
    const [segment = ''] = (await readdir(model.path)).filter((file) => file.endsWith('.gz'));
    for (let fails = 1; fails <= 2; fails += 1) {
      let reads = 0;
      using _watch = await watchFaults(
        ({ call, path }) => {
          if (call === 'read' && path.endsWith(segment)) reads += 1;
          return call === 'read' && reads === fails ? { code: 'EIO' } : 'none';
        },
        { looks: true },
      );
      const done = exportAnswers(model, join(folder, name), signal);
      await expect(done).rejects.toMatchObject({ code: 'EIO', path: join(model.path, segment) });
    }
  });
});

describe('importing', () => {
  it('takes recordings with questions, of several models, and drops the questions', async () => {
    const path = join(folder, 'recording.jsonl');
    const request: ChatRequest = {
      messages: [{ role: 'user', content: 'why?' }],
      sampling: { temperature: 0, top_p: 1, max_tokens: 16 },
      format: 'text',
      sample: 0,
    };
    const { request: _of, ...said } = answer(1);
    const texts: string[] = [];
    for (const model of ['a', 'b']) {
      await writeRecording({ identity: model, answers: [{ request, answer: said }] }, path);
      texts.push(await readFile(path, 'utf8'));
    }
    await writeFile(path, texts.join(''));
    expect(await importedFrom(path, 'two')).toEqual(
      ['a', 'b'].map((model) => ({ identity: model, added: 1, there: 0 })),
    );
    await using store = await storeIn('two', 'b');
    const stored = await store.get({ request: requestHash('b', request), attempt: 0 });
    expect(stored).toEqual({ answer: { ...said, request: requestHash('b', request) }, cost_usd: 0 });
  });

  it('asks whose answers they are, where nobody knows', async () => {
    const path = join(folder, 'old.jsonl');
    const model = await bought(1);
    await exportAnswers({ ...model, identity: undefined }, path, signal);
    await expect(importedFrom(path, 'two')).rejects.toMatchObject({ code: 'store/whose-answers', exitCode: 2 });
    expect(await importedFrom(path, 'two', 'm')).toEqual([{ identity: 'm', added: 1, there: 0 }]);
  });

  it.each([
    ['another gzip file', () => gzipSync('{}\n'), /was not packed by secpi/],
    [
      'a packed file with rubbish in it',
      (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('rub')]),
      /damaged behind byte \d+/,
    ],
  ])('refuses %s with a way out', async (_what, change, why) => {
    const path = join(folder, 'answers.jsonl.gz');
    await exportAnswers(await bought(2), path, signal);
    await writeFile(path, change(await readFile(path)));
    await expect(importedFrom(path, 'two')).rejects.toMatchObject({
      code: 'models/bad-recording',
      message: expect.stringMatching(why),
      hint: expect.stringContaining('gunzip'),
    });
  });

  it('fails in one sentence when the disk is full while it still reads', async () => {
    const path = join(folder, 'large.jsonl');
    const content = 'x'.repeat(100_000);
    const rows = Array.from({ length: 400 }, (_, n) => JSON.stringify(answerRow(key(n), { ...answer(n), content })));
    await writeFile(path, `${rows.join('\n')}\n`);
    const unhandled: unknown[] = [];
    const hear = (reason: unknown): number => unhandled.push(reason);
    process.on('unhandledRejection', hear);
    try {
      using _watch = await watchFaults(({ call, path: file }) =>
        call === 'append' && file.endsWith('.gz') ? { code: 'ENOSPC' } : 'none',
      );
      const done = importedFrom(path, 'two', identity);
      await expect(done).rejects.toMatchObject({ code: 'ENOSPC', path: expect.stringMatching(/\.jsonl\.gz$/) });
    } finally {
      process.off('unhandledRejection', hear);
    }
    expect(unhandled).toEqual([]);
    const left = await readdir(join(answersFolder(state('two')), folderName(identity)));
    expect(left.filter((name) => name.endsWith('.owner'))).toEqual([]);
  });

  it('names the line of a packed recording that was changed', async () => {
    const path = join(folder, 'answers.jsonl.gz');
    await exportAnswers(await bought(3), path, signal);
    const bytes = await readFile(path);
    const rows = gunzipSync(bytes).toString();
    await appendFile(join(folder, 'changed.jsonl'), rows.replace('"output":2', '"output":-2'));
    await expect(importedFrom(join(folder, 'changed.jsonl'), 'two')).rejects.toMatchObject({
      code: 'models/bad-recording',
      location: { line: 3 },
    });
    // The list of the first row, with another answer's hash in it, would sell one answer for another.
    bytes.writeUInt8((bytes[bytes.length - 12] ?? 0) ^ 0xff, bytes.length - 12);
    await writeFile(path, bytes);
    await expect(importedFrom(path, 'two')).rejects.toMatchObject({
      code: 'models/bad-recording',
      location: { line: 1 },
    });
  });
});
