import { join } from 'node:path';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { startBatchServer } from '../../../support/batch-server.js';
import { temporaryFolder } from '../../../support/run-cli.js';

const COUNT = 30;
const spec = { mode: 'batch', batch: { poll_seconds: 0.2, requests: 8 } };

function start(stateDir: string, endpoint: string) {
  const script = join(import.meta.dirname, '..', 'fixtures', 'ask-process.ts');
  const asked = [stateDir, endpoint, `${COUNT}`, JSON.stringify(spec)];
  return execa(process.execPath, ['--import', 'tsx', script, ...asked], { reject: false, lines: true });
}

const answersIn = (lines: readonly string[]): readonly string[] =>
  lines.map((line) => line.replace(/ (server|store) /, ' '));
const all = Array.from({ length: COUNT }, (_, index) => `q${index} echo: q${index}`);

it('two processes that begin at once share their batches', { timeout: 120_000 }, async () => {
  await using folder = await temporaryFolder();
  await using server = await startBatchServer();
  const both = await Promise.all([start(folder.path, server.url), start(folder.path, server.url)]);
  for (const { stdout } of both) expect(answersIn(stdout)).toEqual(all);
  expect([server.bought.size, Math.max(...server.bought.values())]).toEqual([COUNT, 1]);
});

it('a process that waits for the batch of another goes on with it when that one is killed', {
  timeout: 120_000,
}, async () => {
  await using folder = await temporaryFolder();
  let killed = false;
  let owner: ReturnType<typeof start> | undefined;
  let heir: ReturnType<typeof start> | undefined;
  let sawItWait: () => void = () => undefined;
  const heirWaits = new Promise<void>((resolve) => {
    sawItWait = resolve;
  });
  await using server = await startBatchServer({
    onStep: async (step) => {
      if (step !== 'poll' || killed) return undefined;
      heir ??= start(folder.path, server.url);
      heir.stderr.on('data', (said: Buffer) => {
        if (`${said}`.includes('waits for a batch of')) sawItWait();
      });
      await heirWaits;
      killed = true;
      owner?.kill('SIGKILL');
      await owner;
      return 'drop';
    },
  });
  owner = start(folder.path, server.url);
  expect((await owner).signal).toBe('SIGKILL');
  const { stdout = [], stderr = [] } = (await heir) ?? {};
  expect(answersIn(stdout), stderr.join('\n')).toEqual(all);
  expect([server.bought.size, Math.max(...server.bought.values())]).toEqual([COUNT, 1]);
});
