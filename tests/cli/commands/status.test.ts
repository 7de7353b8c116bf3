import { appendFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { thisProcess } from '../../../src/base/processes/process-owner.js';
import { statusCommand } from '../../../src/cli/commands/status.js';
import type { CliEnvironment } from '../../../src/cli/environment.js';
import type { RunEvent } from '../../../src/engine/runs/event.js';
import { EVENTS, openJournal } from '../../../src/engine/runs/journal.js';
import { stateDirectory } from '../../../src/engine/state-directory.js';
import { jsonLines, temporaryFolder } from '../../support/run-cli.js';
import { FINGERPRINT, RUN } from '../fixtures/recorded-events.js';

/** What `secpi status` says of the run in a folder, and how much of its files it has parsed for that. */
async function status(folder: string, json: boolean) {
  const stdout = new PassThrough();
  const environment: CliEnvironment = {
    ...{ variables: {}, workingDirectory: folder, state: stateDirectory(folder), cache: folder, version: '0.1.0' },
    redact: (said) => said,
    stdout: stdout as unknown as NodeJS.WriteStream,
    stderr: process.stderr,
  };
  const parsed = { calls: 0, characters: 0 };
  const { parse } = JSON;
  JSON.parse = (given, ...more) => {
    parsed.calls += 1;
    parsed.characters += given.length;
    return parse(given, ...more);
  };
  try {
    expect(await statusCommand(undefined, { json }, environment)).toBe(0);
  } finally {
    JSON.parse = parse;
  }
  stdout.end();
  return { said: await text(stdout), parsed };
}

/** Lays out a run at work that has said ten thousand things, as the journal writes them, and those again so many times. */
async function record(folder: string, times: number, say: (number: number) => RunEvent): Promise<void> {
  const run = stateDirectory(folder).run(RUN);
  await mkdir(run, { recursive: true });
  const owner = await thisProcess();
  const record = { schema: 1, run: RUN, recipe: 'demo', started_at: new Date().toISOString(), owner };
  await writeFile(join(run, 'owner.json'), JSON.stringify(record));
  const journal = await openJournal({ folder: run, redact: (said) => said });
  const stages = ['train', 'evaluate'];
  const facts = { run: RUN, recipe: 'demo', recipe_sha256: FINGERPRINT, version: '0.1.0' };
  journal.emit({ type: 'run-started', stages, ...facts });
  journal.emit({ type: 'stage-started', stage: 'train', fingerprint: FINGERPRINT, why: '', resumed: false });
  await journal.flush();
  const path = join(run, EVENTS);
  const { size } = await stat(path);
  for (let number = 1; number <= 10_000; number += 1) journal.emit(say(number));
  await journal.close();
  const said = (await readFile(path)).subarray(size);
  for (let time = 1; time < times; time += 1) await appendFile(path, said);
}

describe('secpi status', () => {
  it('parses a few hundred of a million events, and all that matter among them', async () => {
    await using folder = await temporaryFolder();
    await record(folder.path, 100, (number) => {
      const level = number === 5000 ? 'warn' : 'info';
      if (number % 10 === 0) return { type: 'log', stage: 'train', level, message: `at ${number}` };
      if (number % 2 === 0) return { type: 'metric', stage: 'train', step: number, values: { loss: 1 / number } };
      return { type: 'progress', stage: 'train', done: number, total: 20_000, unit: 'steps' };
    });
    const { said, parsed } = await status(folder.path, true);
    expect(jsonLines(said)[0]?.stages).toMatchObject([
      { stage: 'train', state: 'running', loss: 1 / 9998, progress: { done: 9999, total: 20_000, unit: 'steps' } },
      { stage: 'evaluate', state: 'pending' },
    ]);
    expect(parsed.calls).toBeLessThan(2000);
    expect(parsed.characters).toBeLessThan(400_000);
    // A warning is not lost among all that is said besides.
    expect((await status(folder.path, false)).said).toContain('warning: train: at 5000\n');
  });

  it('parses few of a hundred thousand words that somebody else makes the same', async () => {
    await using folder = await temporaryFolder();
    await record(folder.path, 10, (number) => ({
      ...{ type: 'stage-waiting', stage: 'train', fingerprint: FINGERPRINT, owner: `process ${number} on host` },
    }));
    const { said, parsed } = await status(folder.path, true);
    expect(jsonLines(said)[0]?.stages).toMatchObject([{ stage: 'train', state: 'waiting' }, { state: 'pending' }]);
    expect(parsed.calls).toBeLessThan(500);
    expect(parsed.characters).toBeLessThan(150_000);
  });
});
