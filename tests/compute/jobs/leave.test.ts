import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readHandle } from '../../../src/compute/jobs/handle.js';
import { stopJob } from '../../../src/compute/jobs/stop-job.js';
import type { Place } from '../../../src/compute/places/place.js';
import { Interruption } from '../../../src/engine/runs/interruption.js';
import { countedJob, lines, runCounted, runsOf, watchedPlace } from '../../support/counted-job.js';
import { hasSshServer, type SshServer, sshServer } from '../../support/ssh-server.js';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';

let folder: TemporaryFolder;
let server: SshServer | undefined;
let count = 0;
beforeAll(async () => {
  folder = await temporaryFolder();
  if (hasSshServer) server = await sshServer();
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const never = new AbortController().signal;

/** A folder of its own for each test. */
function fresh(): string {
  count += 1;
  return join(folder.path, `job-${count}`);
}

const placeOf = (where: string, atPoint?: (what: string) => void): Place =>
  watchedPlace(
    where === 'ssh'
      ? { config: server?.config ?? '', root: join(server?.home ?? '', 'secpi') }
      : (where as 'attached' | 'detached'),
    atPoint,
  );

/** Saves when it is told to stop, from the line on that it then writes, and ends by itself once the file is there, or the test is over. */
const waiting = (home: string) =>
  `trap 'echo saved >"${home}-saved"; exit 75' TERM; echo >>"${home}-waits"; until [ -e "${home}-go" ] || ! [ -d "${folder.path}" ]; do sleep 0.05; done`;

/** Begins the job, or goes on with it, and leaves when this attempt runs and can save: a shell that is told to stop before its trap just ends. */
async function leave(home: string, place: Place, attempt = 1): Promise<void> {
  const controller = new AbortController();
  const running = runCounted(home, place, { spec: countedJob(home, waiting(home)), signal: controller.signal });
  await expect
    .poll(() => readFile(`${home}-waits`, 'utf8').catch(() => ''), { timeout: 30_000 })
    .toBe('\n'.repeat(attempt));
  expect((await runsOf(home)).at(-1)).toBe(attempt);
  controller.abort(new Interruption('leave'));
  await expect(running).rejects.toMatchObject({ name: 'Interruption', by: 'leave' });
}

const savedIn = (home: string) => readFile(`${home}-saved`, 'utf8').catch(() => 'nothing');
const elsewhere = hasSshServer ? ['detached', 'ssh'] : ['detached'];

describe.each(elsewhere)('a job of a run that leaves (%s)', (where) => {
  it('goes on, and is gone on with: it runs once, and every line comes from its first on', async () => {
    const home = fresh();
    await leave(home, placeOf(where));
    expect(await readHandle(join(home, 'home', 'handle.json'))).toMatchObject({ attempt: 1, told: false });
    const { folder: there } = (await readHandle(join(home, 'home', 'handle.json'))) ?? { folder: '' };
    for await (const line of placeOf(where).ask('poll', { folder: there, attempt: 1 }, never)) {
      expect(line).toMatchObject({ state: 'running' });
    }
    await folder.write(`job-${count}-go`, '');
    const { heard, exit } = await runCounted(home, placeOf(where), { spec: countedJob(home, waiting(home)) });
    expect({ heard, outcome: exit.outcome }).toEqual({ heard: lines, outcome: 'done' });
    expect(await savedIn(home)).toBe('nothing');
    expect(await runsOf(home)).toEqual([1]);
  });

  it('that failed in this very moment is told of by whoever comes back', async () => {
    const home = fresh();
    const controller = new AbortController();
    const place = placeOf(where);
    const leaving: Place = {
      ...place,
      async *ask(command, request, signal) {
        for await (const line of place.ask(command, request, signal)) {
          if (line.type === 'state' && line.state === 'exited') controller.abort(new Interruption('leave'));
          yield line;
        }
      },
    };
    const spec = countedJob(home, 'exit 3');
    await expect(runCounted(home, leaving, { spec, signal: controller.signal })).rejects.toMatchObject({ by: 'leave' });
    await expect(runCounted(home, place, { spec })).rejects.toMatchObject({ exit: { outcome: 'failed', code: 3 } });
    expect(await runsOf(home)).toEqual([1]);
  });

  it('can be stopped by whoever has its handle, having had time to save; what is over or never was is left as it is', async () => {
    const home = fresh();
    const place = placeOf(where);
    await leave(home, place);
    const handle = await readHandle(join(home, 'home', 'handle.json'));
    if (handle === undefined) throw new Error('no handle');
    expect(await stopJob(place, { ...handle, attempt: 2 }, never)).toBe('none');
    expect(await stopJob(place, { ...handle, folder: `${handle.folder}-other` }, never)).toBe('none');
    expect(await stopJob(place, handle, never)).toBe('stopped');
    expect(await savedIn(home)).toBe('saved\n');
    expect(await stopJob(place, handle, never)).toBe('over');
    // Stopped on purpose, it simply goes on the next time; and of that attempt nobody says that it has ended.
    await leave(home, place, 2);
    expect(await readHandle(join(home, 'home', 'handle.json'))).toMatchObject({ attempt: 2, told: false });
    await folder.write(`job-${count}-go`, '');
    const { exit } = await runCounted(home, place, { spec: countedJob(home, waiting(home)) });
    expect(exit.outcome).toBe('done');
    expect(await runsOf(home)).toEqual([1, 2]);
  });
});

describe('an attempt that may have begun', () => {
  it('is not said to have ended because one before it has', async () => {
    const home = fresh();
    const place = placeOf('detached');
    await leave(home, place);
    const handleOf = () => readHandle(join(home, 'home', 'handle.json'));
    const handle = await handleOf();
    if (handle === undefined) throw new Error('no handle');
    await stopJob(place, handle, never);
    const unheard: Place = {
      ...place,
      async *ask(command, request, signal) {
        for await (const line of place.ask(command, request, signal)) if (command !== 'start') yield line;
      },
    };
    await folder.write(`job-${count}-go`, '');
    const spec = countedJob(home, waiting(home));
    await expect(runCounted(home, unheard, { spec })).rejects.toMatchObject({ code: 'compute/unreachable' });
    expect(await handleOf()).toMatchObject({ attempt: 2, told: false });
    await runCounted(home, place, { spec });
    expect(await runsOf(home)).toEqual([1, 2]);
  });
});

describe('a job on this machine, of a run that leaves', () => {
  it('stops as by Ctrl-C, having had time to save', async () => {
    const home = fresh();
    await leave(home, placeOf('attached'));
    expect(await savedIn(home)).toBe('saved\n');
    await folder.write(`job-${count}-go`, '');
    await runCounted(home, placeOf('attached'), { spec: countedJob(home, waiting(home)) });
    expect(await runsOf(home)).toEqual([1, 2]);
  });
});
