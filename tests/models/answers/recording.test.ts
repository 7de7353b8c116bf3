import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRecording, type RecordedAnswer, writeRecording } from '../../../src/models/answers/recording.js';
import { requestHash } from '../../../src/models/answers/request-hash.js';
import type { ChatRequest } from '../../../src/models/chat.js';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'secpi-recording-'));
  path = join(folder, 'recording.jsonl');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function request(text: string): ChatRequest {
  return {
    messages: [
      { role: 'system', content: 'be brief' },
      { role: 'user', content: text },
    ],
    sampling: { temperature: 0, top_p: 1, max_tokens: 64, seed: 1 },
    format: 'text',
    sample: 0,
  };
}

function recorded(text: string, content = `about ${text}`): RecordedAnswer {
  return {
    request: request(text),
    answer: { reasoning: 'hm', content, finish: 'stop', tokens: { input: 3, output: 4 } },
  };
}

function keyOf(text: string, identity = 'm', attempt = 0) {
  return { request: requestHash(identity, request(text)), attempt };
}

describe('a recording', () => {
  it('gives the answer to exactly the recorded question', async () => {
    const second = { ...recorded('b', 'the second try'), attempt: 1 };
    await writeRecording({ identity: 'm', answers: [recorded('a'), recorded('b'), second] }, path);
    await using recording = await openRecording(path);
    expect(recording.size).toBe(3);
    expect(recording.identity).toBe('m');
    expect(await recording.get(keyOf('a'))).toEqual({
      request: keyOf('a').request,
      reasoning: 'hm',
      content: 'about a',
      finish: 'stop',
      tokens: { input: 3, output: 4 },
    });
    expect((await recording.get(keyOf('b', 'm', 1)))?.content).toBe('the second try');
    expect(await recording.get(keyOf('c'))).toBeUndefined();
    expect(await recording.get(keyOf('a', 'another model'))).toBeUndefined();
  });

  it('has the same bytes whatever order the answers came in', async () => {
    const other = join(folder, 'other.jsonl');
    const all = ['a', 'b', 'c', 'd'].map((text) => recorded(text));
    await writeRecording({ identity: 'm', answers: all }, path);
    await writeRecording({ identity: 'm', answers: all.toReversed() }, other);
    expect(await readFile(other, 'utf8')).toBe(await readFile(path, 'utf8'));
  });

  it('refuses two answers with one address, in writing and in reading', async () => {
    const twice = writeRecording({ identity: 'm', answers: [recorded('a'), recorded('a')] }, path);
    await expect(twice).rejects.toMatchObject({ code: 'models/duplicate-recording' });
    await writeRecording({ identity: 'm', answers: [recorded('a')] }, path);
    const line = await readFile(path, 'utf8');
    await writeFile(path, line + line);
    await expect(openRecording(path)).rejects.toMatchObject({ code: 'models/bad-recording', location: { line: 2 } });
  });

  it('notices a question that was changed by hand', async () => {
    await writeRecording({ identity: 'm', answers: [recorded('a')] }, path);
    await writeFile(path, (await readFile(path, 'utf8')).replace('be brief', 'be long'));
    await using recording = await openRecording(path);
    await expect(recording.get(keyOf('a'))).rejects.toMatchObject({
      code: 'models/bad-recording',
      exitCode: 2,
      message: expect.stringContaining('Line 1'),
    });
  });

  it('can be edited by hand: empty lines, other line ends, no final line feed', async () => {
    await writeRecording({ identity: 'm', answers: [recorded('a'), recorded('b')] }, path);
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.trimEnd().replaceAll('\n', '\r\n\r\n').replace('"schema":1,', '"schema": 1, '));
    await using recording = await openRecording(path);
    expect((await recording.get(keyOf('a')))?.content).toBe('about a');
    expect((await recording.get(keyOf('b')))?.content).toBe('about b');
  });

  it.each([['not json'], ['{"schema":2}'], ['[]']])('says which line is no answer: %s', async (bad) => {
    await writeRecording({ identity: 'm', answers: [recorded('a')] }, path);
    await writeFile(path, `${await readFile(path, 'utf8')}\n${bad}\n`);
    await expect(openRecording(path)).rejects.toMatchObject({ code: 'models/bad-recording', location: { line: 3 } });
  });

  it('that is missing is a clear mistake', async () => {
    await expect(openRecording(join(folder, 'none.jsonl'))).rejects.toMatchObject({
      code: 'models/no-recording',
      exitCode: 2,
    });
  });
});
