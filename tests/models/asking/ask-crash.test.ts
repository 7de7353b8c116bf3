import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { modelFolders } from '../../../src/models/answers/model-folder.js';
import { walkAnswers } from '../../../src/models/answers/upkeep/walk-answers.js';
import { startOpenaiServer } from '../../support/openai-server.js';

let stateDir: string;
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'secpi-crash-'));
});
afterEach(() => rm(stateDir, { recursive: true, force: true }));

function startAsking(endpoint: string, count: number) {
  const script = join(import.meta.dirname, 'fixtures', 'ask-process.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', script, stateDir, endpoint, String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
  });
  const closed = once(child, 'close');
  return {
    kill: () => child.kill('SIGKILL'),
    async lines() {
      await closed;
      return output.split('\n').slice(0, -1);
    },
  };
}

/** Requests of all answers that are kept, as the next process will find them. */
async function storedRequests(): Promise<string[]> {
  const requests: string[] = [];
  for (const { path } of await modelFolders(stateDir)) {
    for await (const walked of walkAnswers(path)) {
      if (walked.kind === 'answer') requests.push(walked.row.request);
      expect(['answer', 'unfinished']).toContain(walked.kind);
    }
  }
  return requests;
}

it('a run killed in the middle keeps what it had, and buys only the rest', { timeout: 60_000 }, async () => {
  const total = 60;
  let victim: ReturnType<typeof startAsking> | undefined;
  await using server = await startOpenaiServer(({ prompt }, call) => {
    if (call === 25) victim?.kill();
    return { kind: 'answer', content: `echo: ${prompt}` };
  });
  victim = startAsking(server.url, total);
  const before = await victim.lines();
  const kept = new Set(await storedRequests());
  expect(before.length).toBeLessThan(total);
  expect(kept.size).toBeGreaterThanOrEqual(before.length);
  // Bought and not kept can only be what was in flight.
  expect(server.received.length - kept.size).toBeLessThanOrEqual(4);

  const calls = server.received.length;
  const after = await startAsking(server.url, total).lines();
  expect(after.map((line) => line.replace(/ (server|store) /, ' '))).toEqual(
    Array.from({ length: total }, (_, index) => `q${index} echo: q${index}`),
  );
  expect(after.filter((line) => line.includes(' store '))).toHaveLength(kept.size);
  expect(server.received.length - calls).toBe(total - kept.size);
  const all = await storedRequests();
  expect(all).toHaveLength(total);
  expect(new Set(all).size).toBe(total);
});

it('two processes on one store get along', { timeout: 60_000 }, async () => {
  await using server = await startOpenaiServer();
  const both = await Promise.all([startAsking(server.url, 40).lines(), startAsking(server.url, 40).lines()]);
  for (const lines of both) {
    expect(lines.map((line) => line.replace(/ (server|store) /, ' '))).toEqual(
      Array.from({ length: 40 }, (_, index) => `q${index} echo: q${index}`),
    );
  }
  const calls = server.received.length;
  const again = await startAsking(server.url, 40).lines();
  expect(again.every((line) => line.includes(' store '))).toBe(true);
  expect(server.received).toHaveLength(calls);
});
