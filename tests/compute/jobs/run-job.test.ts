import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobFailure } from '../../../src/compute/jobs/run-job.js';
import type { Place } from '../../../src/compute/places/place.js';
import { countedJob, lines, runCounted, runsOf, watchedPlace } from '../../support/counted-job.js';
import { processesNaming } from '../../support/processes.js';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';

let folder: TemporaryFolder;
let count = 0;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

/** A folder of its own for each test. */
function fresh(): string {
  count += 1;
  return join(folder.path, `job-${count}`);
}

async function fails(home: string, place: Place, script: string): Promise<JobFailure> {
  return runCounted(home, place, { spec: countedJob(home, script) }).then(
    () => Promise.reject(new Error('it ended well')),
    (error: JobFailure) => error,
  );
}

const supervisorOf = async (home: string, attempt = 1): Promise<number> =>
  JSON.parse(await readFile(join(home, 'home', 'job', 'attempts', String(attempt), 'owner.json'), 'utf8')).pid;

describe.each(['attached', 'detached'] as const)('a job (%s)', (where) => {
  const place = watchedPlace(where);

  it('runs once, says all, and is not run again', async () => {
    const home = fresh();
    const first = await runCounted(home, place);
    expect(first.heard).toEqual(lines);
    expect(await readFile(first.outputs.made ?? '', 'utf8')).toBe('made\n');
    expect(await runCounted(home, place)).toEqual(first);
    expect(await runsOf(home)).toEqual([1]);
  });

  it('is run again when what it made is gone', async () => {
    const home = fresh();
    const { outputs } = await runCounted(home, place);
    await rm(outputs.made ?? '');
    const again = await runCounted(home, place);
    expect(await readFile(again.outputs.made ?? '', 'utf8')).toBe('made\n');
    expect(await runsOf(home)).toEqual([1, 1]);
  });

  it('that failed says how, and begins anew when asked again', async () => {
    const home = fresh();
    const failure = await fails(home, place, 'echo some words; exit 3');
    expect(failure.exit).toMatchObject({ outcome: 'failed', step: 'only', code: 3 });
    expect(failure.tail).toBe('some words');
    await fails(home, place, 'exit 4');
    expect(await runsOf(home)).toEqual([1, 2]);
  });

  it('that failed while nobody listened tells that first, and is not begun before', async () => {
    const home = fresh();
    const deaf: Place = {
      ...place,
      attached: false,
      async *ask(command, request, signal) {
        if (command === 'follow') throw new Error('gone');
        yield* place.ask(command, request, signal);
      },
    };
    await expect(runCounted(home, deaf, { spec: countedJob(home, 'exit 3') })).rejects.toThrow('gone');
    const failure = await fails(home, place, 'exit 3');
    expect(failure.exit).toMatchObject({ outcome: 'failed', code: 3 });
    expect(await runsOf(home)).toEqual([1]);
    await fails(home, place, 'exit 3');
    expect(await runsOf(home)).toEqual([1, 2]);
  });

  it('whose supervisor is killed is lost, and takes its programs with it', async () => {
    const home = fresh();
    const waiting = fails(home, place, 'sleep 997 & wait');
    await expect.poll(() => supervisorOf(home).catch(() => 0), { timeout: 30_000 }).toBeGreaterThan(0);
    await expect.poll(() => runsOf(home), { timeout: 30_000 }).toEqual([1]);
    process.kill(await supervisorOf(home), 'SIGKILL');
    expect((await waiting).exit).toBeUndefined();
    await expect.poll(() => processesNaming('sleep\u0000997'), { timeout: 30_000 }).toEqual([]);
    const { exit } = await runCounted(home, place);
    expect(exit.outcome).toBe('done');
    expect(await runsOf(home)).toEqual([1, 2]);
  });

  it('stops with whoever runs it, having had time to save', async () => {
    const home = fresh();
    const controller = new AbortController();
    const script = 'trap \'echo saved >"{work}/saved"; exit 75\' TERM; while :; do sleep 0.05; done';
    const running = runCounted(home, place, { spec: countedJob(home, script), signal: controller.signal });
    await expect.poll(() => runsOf(home), { timeout: 30_000 }).toEqual([1]);
    await expect
      .poll(() => readFile(join(home, 'home', 'job', 'work', 'made'), 'utf8').catch(() => ''), { timeout: 30_000 })
      .toBe('made\n');
    controller.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    expect(await readFile(join(home, 'home', 'job', 'work', 'saved'), 'utf8')).toBe('saved\n');
    // It was stopped on purpose: the next time it simply goes on.
    expect((await runCounted(home, place)).exit.outcome).toBe('done');
    expect(await runsOf(home)).toEqual([1, 2]);
  });
});

describe('a job that was begun at another place', () => {
  const elsewhere: Place = {
    ...watchedPlace('detached'),
    name: 'another host',
    folderOf: (job) => `${job.here}-elsewhere`,
  };

  it('is not begun here as well as long as it may be running there', async () => {
    const home = fresh();
    const deaf: Place = {
      ...elsewhere,
      async *ask(command, request, signal) {
        if (command === 'follow') throw new Error('gone');
        yield* elsewhere.ask(command, request, signal);
      },
    };
    await expect(runCounted(home, deaf)).rejects.toThrow('gone');
    await expect(runCounted(home, watchedPlace('detached'))).rejects.toMatchObject({
      code: 'compute/begun-elsewhere',
      message: expect.stringContaining('another host'),
      hint: expect.stringContaining('handle.json'),
    });
    expect((await runCounted(home, elsewhere)).heard).toEqual(lines);
    expect(await runsOf(home)).toEqual([1]);
  });

  it.each(['failed', 'was stopped'])('is begun here once it %s there', async (how) => {
    const home = fresh();
    const controller = new AbortController();
    const script = how === 'failed' ? 'exit 3' : 'sleep 1000';
    const running = runCounted(home, elsewhere, { spec: countedJob(home, script), signal: controller.signal });
    if (how === 'was stopped') {
      await expect.poll(() => runsOf(home), { timeout: 30_000 }).toEqual([1]);
      controller.abort(new Error('enough'));
    }
    await expect(running).rejects.toThrow();
    expect((await runCounted(home, watchedPlace('detached'))).exit.outcome).toBe('done');
  });
});

describe('a place that does not answer', () => {
  const place = watchedPlace('detached');
  /** Says nothing for the first so many questions of a kind. */
  const silent = (kind: string, times: number): Place => {
    let left = times;
    return {
      ...place,
      async *ask(command, request, signal) {
        if (command === kind && left > 0) left -= 1;
        else yield* place.ask(command, request, signal);
      },
    };
  };

  it('is asked again in the middle of a job, which is neither begun again nor told twice', async () => {
    const home = fresh();
    const { heard, exit } = await runCounted(home, silent('follow', 2));
    expect({ heard, outcome: exit.outcome }).toEqual({ heard: lines, outcome: 'done' });
    expect(await runsOf(home)).toEqual([1]);
  });

  it('says so when nothing is known of a job that was begun, and nothing is begun', async () => {
    const home = fresh();
    await runCounted(home, place);
    await expect(runCounted(home, silent('poll', 1))).rejects.toMatchObject({ code: 'compute/unreachable' });
    expect(await runsOf(home)).toEqual([1]);
  });

  it('may have begun a job although it did not say so: asked again, it is not begun twice', async () => {
    const home = fresh();
    const unheard: Place = {
      ...place,
      async *ask(command, request, signal) {
        for await (const line of place.ask(command, request, signal)) if (command !== 'start') yield line;
      },
    };
    await expect(runCounted(home, unheard)).rejects.toMatchObject({ code: 'compute/unreachable' });
    expect((await runCounted(home, place)).heard).toEqual(lines);
    expect(await runsOf(home)).toEqual([1]);
  });
});
