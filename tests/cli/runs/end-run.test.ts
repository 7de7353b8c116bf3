import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ProcessOwner, thisProcess } from '../../../src/base/processes/process-owner.js';
import { endRun } from '../../../src/cli/runs/end-run.js';
import { type RunRecord, readRun } from '../../../src/engine/runs/run-record.js';
import { hearRequests } from '../../../src/engine/runs/run-request.js';
import { stateDirectory } from '../../../src/engine/state-directory.js';
import { replaceSleep } from '../../support/sleep.js';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';

const RUN = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
const never = new AbortController().signal;

let folder: TemporaryFolder;
let waitedMs = 0;
let notes: string[];
let sleep: Disposable;
beforeEach(async () => {
  folder = await temporaryFolder();
  waitedMs = 0;
  notes = [];
  sleep = replaceSleep((real) => async (milliseconds) => {
    waitedMs += milliseconds;
    await real(1, undefined);
  });
});
afterEach(async () => {
  sleep[Symbol.dispose]();
  await folder[Symbol.asyncDispose]();
});

const state = () => stateDirectory(folder.path);

/** A run that is not over, of this owner. */
async function plant(owner: Partial<ProcessOwner>): Promise<RunRecord> {
  const path = state().run(RUN);
  await mkdir(path, { recursive: true });
  const started = {
    schema: 1,
    run: RUN,
    recipe: 'demo',
    started_at: '',
    owner: { ...(await thisProcess()), ...owner },
  };
  await writeFile(join(path, 'owner.json'), JSON.stringify(started));
  return (await readRun(state(), RUN)) as RunRecord;
}

const end = (record: RunRecord, ask: Parameters<typeof endRun>[1]) =>
  endRun(record, ask, { state: state(), signal: never, onNote: (note) => notes.push(note) });

/** A process that hears nothing, as one that Ctrl-Z has stopped, and who it is. */
async function deafProcess() {
  const child = execa('sleep', ['995'], { reject: false });
  process.kill(child.pid ?? 0, 'SIGSTOP');
  const { stdout } = await execa('cut', ['-d', ' ', '-f', '22', `/proc/${child.pid}/stat`]);
  return { child, owner: { pid: child.pid ?? 0, started: stdout } };
}

describe('a run that hears nothing', () => {
  it('is said to hear nothing, and killed only when it is to end at once', async () => {
    const { child, owner } = await deafProcess();
    const record = await plant(owner);
    expect(record.state).toBe('running');
    const waiting = end(record, 'stop');
    await expect.poll(() => notes, { timeout: 20_000 }).toEqual([expect.stringContaining('--now')]);
    // Others may look at the clock as long as they like: it is not killed.
    expect(child.exitCode ?? undefined).toBeUndefined();
    expect(waitedMs).toBeGreaterThanOrEqual(10_000);
    waitedMs = 0;
    const ended = await end(record, 'now');
    expect(ended.state).toBe('died');
    expect(waitedMs).toBeGreaterThanOrEqual(10_000);
    expect((await child).signal).toBe('SIGKILL');
    expect((await waiting).state).toBe('died');
  });
});

describe('a run on another host', () => {
  const elsewhere = { host: 'node7', machine: 'other', boot: 'other' };

  it('that does not answer is told of in one sentence', async () => {
    await expect(end(await plant(elsewhere), 'stop')).rejects.toMatchObject({
      code: 'cli/run-elsewhere',
      message: `run ${RUN} was started on node7 and has not answered; whether it still runs cannot be told from here`,
    });
    expect(waitedMs).toBeGreaterThanOrEqual(90_000);
  });

  it('that shares the folder hears it, and is waited for', async () => {
    const record = await plant(elsewhere);
    const asked: string[] = [];
    using _ears = hearRequests(record.folder, (ask) => {
      asked.push(ask);
      const summary = { type: 'run-finished', run: RUN, outcome: 'interrupted', seconds: 1, stages: [], metrics: {} };
      void writeFile(join(record.folder, 'summary.json'), JSON.stringify(summary));
    });
    // Not by the replaced clock, which runs ahead of the one that the run hears by.
    sleep[Symbol.dispose]();
    expect(await end(record, 'stop')).toMatchObject({ state: 'interrupted' });
    expect(asked).toEqual(['stop']);
  });

  it('that is to end at once need not say that it has', async () => {
    const record = await plant(elsewhere);
    using _ears = hearRequests(record.folder, () => undefined);
    sleep[Symbol.dispose]();
    expect(await end(record, 'now')).toMatchObject({ state: 'unknown' });
  });
});

describe('a run that is gone', () => {
  it('is not waited for', async () => {
    const record = await plant({});
    await plant({ started: '1' });
    expect(await end(record, 'stop')).toMatchObject({ state: 'died' });
    await rm(record.folder, { recursive: true });
    await mkdir(record.folder);
    await expect(end(record, 'stop')).rejects.toMatchObject({ code: 'engine/unknown-run' });
  });
});
