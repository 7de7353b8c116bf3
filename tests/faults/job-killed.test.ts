import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/package-root.js';
import { HANDLE, readHandle } from '../../src/compute/jobs/handle.js';
import { containerImage, hasPodman } from '../support/container-image.js';
import { countedJob, type JobPlace, lines, runCounted, runsOf, watchedPlace } from '../support/counted-job.js';
import { hasSlurm, slurmCluster } from '../support/slurm-cluster.js';
import { hasSshServer, sshServer } from '../support/ssh-server.js';
import { buildProgram, printedUnlessKilled } from './killed-process.js';

/**
 * Who runs a job is killed at every point of starting it, following it and taking what it made. The job itself counts how often it runs.
 */

const run = promisify(execFile);

let home: string;
let program: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'secpi-job-killed-'));
  // Below the package, whose agent it starts.
  program = join(packageRoot, 'node_modules', '.cache', `secpi-job-${process.pid}.mjs`);
  await buildProgram(join(packageRoot, 'tests/faults/job-process.ts'), program);
});
afterAll(async () => {
  await rm(home, { recursive: true, force: true });
  await rm(program, { force: true });
});

describe('a job whose orchestrator is killed at any point', () => {
  it.each(['detached', 'attached'] as const)('runs each attempt once and ends the same (%s)', async (place) => {
    await killEverywhere(place, place);
  });

  it.skipIf(!hasSshServer)('runs each attempt once and ends the same (ssh)', async () => {
    await using server = await sshServer();
    const root = join(server.home, 'secpi');
    await killEverywhere('ssh', { config: server.config, root }, { atOnce: 4 });
    await comeBackAfterItsEnd('ssh', { config: server.config, root });
    // Nothing of any of them is left there.
    expect(await readdir(join(root, 'jobs'))).toEqual([]);
  });

  it.skipIf(!hasSlurm)('runs each attempt once and ends the same (slurm)', async () => {
    await using cluster = await slurmCluster();
    // Each waits in the queue for seconds.
    await killEverywhere('slurm', { slurm: cluster.conf }, { atOnce: 8 });
    await comeBackAfterItsEnd('slurm', { slurm: cluster.conf });
    const env = { ...process.env, SLURM_CONF: cluster.conf };
    expect((await run('squeue', ['--noheader', '--states=pending,running,suspended'], { env })).stdout).toBe('');
  });

  it.skipIf(!hasPodman)('runs each attempt once and ends the same (podman)', async () => {
    await killEverywhere('podman', 'detached', { atOnce: 4, image: containerImage() });
    expect((await run('podman', ['ps', '--all', '--format={{.Names}}'])).stdout).not.toContain(basename(home));
  });
});

interface Options {
  /** How many points are tried side by side. */
  readonly atOnce?: number;
  readonly image?: string;
}

async function killEverywhere(name: string, place: JobPlace, { atOnce = 1, image }: Options = {}): Promise<void> {
  let next = 1;
  let last = Number.POSITIVE_INFINITY;
  const killOneAfterTheOther = async (): Promise<void> => {
    while (next < last) {
      const point = next;
      next += 1;
      const points = await killAt(name, place, point, image);
      if (points === undefined) continue;
      for (const one of ['before start', 'follow says events', 'before fetch']) expect(points).toContain(one);
      expect(points.some((one) => one.startsWith('rename '))).toBe(true);
      last = Math.min(last, point);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, killOneAfterTheOther));
  process.stdout.write(`job (${name}): its orchestrator killed at ${last - 1} points\n`);
}

/** Killed while the job runs, and begun again once it has ended: nothing is lost, and nothing runs again. */
async function comeBackAfterItsEnd(name: string, where: JobPlace): Promise<void> {
  const folder = await mkdtemp(join(home, `${name}-late-`));
  const spec = countedJob(folder, `while [ ! -e "${folder}/go-on" ]; do sleep 0.05; done`);
  const args = [folder, JSON.stringify(where), 'follow says events', JSON.stringify(spec)];
  expect(await printedUnlessKilled(program, args)).toBe('');
  const place = watchedPlace(where);
  const { folder: job } = (await readHandle(join(folder, 'home', HANDLE))) ?? { folder: '' };
  await writeFile(join(folder, 'go-on'), '');
  for (let state = ''; state !== 'exited'; ) {
    for await (const line of place.ask('poll', { folder: job, attempt: 1 }, AbortSignal.timeout(60_000))) {
      if (line.type === 'state') state = line.state;
    }
  }
  const { exit, outputs, heard } = await runCounted(folder, place, { spec });
  expect({ outcome: exit.outcome, heard }).toEqual({ outcome: 'done', heard: lines });
  expect(await readFile(outputs.made ?? '', 'utf8')).toBe('made\n');
  expect(await runsOf(folder)).toEqual([1]);
}

/** All points there are, when it ended before this one. */
async function killAt(name: string, place: JobPlace, point: number, image?: string): Promise<string[] | undefined> {
  const folder = await mkdtemp(join(home, `${name}-`));
  const spec = countedJob(folder, '', image);
  const args = [folder, JSON.stringify(place), String(point), JSON.stringify(spec)];
  const printed = await printedUnlessKilled(program, args);
  const where = `point ${point}`;
  const { exit, outputs, heard } = await runCounted(folder, watchedPlace(place), { spec });
  const ran = await runsOf(folder);
  expect(exit.outcome, where).toBe('done');
  expect(await readFile(outputs.made ?? '', 'utf8'), where).toBe('made\n');
  // One that stays when its orchestrator goes is never run a second time; the other is stopped, and begun anew.
  expect([...new Set(ran)], where).toEqual(ran);
  if (place !== 'attached') expect(ran, where).toEqual([1]);
  // Whoever has brought everything here already, and was killed then, has nothing more to hear.
  if (heard.length > 0) expect(heard.slice(-lines.length), where).toEqual(lines);
  if (place !== 'attached') expect([0, lines.length], where).toContain(heard.length);
  return printed === '' ? undefined : (JSON.parse(printed) as string[]);
}
