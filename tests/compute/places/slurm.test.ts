import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTarget } from '../../../src/compute/open-target.js';
import { targetSchema } from '../../../src/compute/target.js';
import { countedJob, lines, runCounted, runsOf, watchedPlace } from '../../support/counted-job.js';
import { hasSlurm, type SlurmCluster, slurmCluster } from '../../support/slurm-cluster.js';
import { hasSshServer, sshServer } from '../../support/ssh-server.js';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';
import { tinyJob } from '../../support/tiny-job.js';

const never = new AbortController().signal;

describe.skipIf(!hasSlurm)('a Slurm cluster', () => {
  let cluster: SlurmCluster;
  let folder: TemporaryFolder;
  let count = 0;
  const fresh = async (): Promise<string> => {
    count += 1;
    const home = join(folder.path, `job-${count}`);
    await mkdir(home);
    return home;
  };

  beforeAll(async () => {
    cluster = await slurmCluster();
    folder = await temporaryFolder();
  });
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  it('runs a job, and tells every line of it once', async () => {
    const home = await fresh();
    const { exit, outputs, heard } = await runCounted(home, watchedPlace({ slurm: cluster.conf }));
    expect({ heard, outcome: exit.outcome }).toEqual({ heard: lines, outcome: 'done' });
    expect(await readFile(outputs.made ?? '', 'utf8')).toBe('made\n');
    expect(await runsOf(home)).toEqual([1]);
  });

  it.skipIf(!hasSshServer)('is reached through its login node', async () => {
    await using server = await sshServer({ variables: { SLURM_CONF: cluster.conf } });
    const home = await fresh();
    const place = watchedPlace({
      config: server.config,
      root: join(server.home, 'secpi'),
      queue: { flags: ['--partition=low'], requeues: 3 },
    });
    const { outputs, heard } = await runCounted(home, place, { spec: countedJob(home, 'echo over >"{work}/made"') });
    expect(heard).toEqual(lines);
    expect(await readFile(outputs.made ?? '', 'utf8')).toBe('over\n');
    expect(await runsOf(home)).toEqual([1]);
  });

  it('says when it would run a job, or that it never will', async () => {
    const means = {
      python: async () => ({ folder: '', python: 'python3' }),
      variables: { ...process.env, SLURM_CONF: cluster.conf },
    };
    const foreseen = (slurm: object) =>
      openTarget(targetSchema.parse({ slurm: { device: 'cpu', ...slurm } }), means).foresee(never);
    expect(await foreseen({ minutes: 6 })).toMatch(/^this cluster: Job \d+ to start at \d{4}-.* in partition low$/);
    expect(await foreseen({ cpus: 100 })).toBe(
      'this cluster will never run it: Requested node configuration is not available',
    );
    expect(await openTarget(targetSchema.parse({ local: {} }), means).foresee(never)).toBeUndefined();
  });

  it('says at once that it will never run a job', async () => {
    const spec = targetSchema.parse({ slurm: { device: 'cpu', gpus: 8, gpu_kind: 'h100' } });
    const target = openTarget(spec, {
      python: async () => ({ folder: '', python: 'python3' }),
      variables: { ...process.env, SLURM_CONF: cluster.conf },
    });
    const running = target.runTrainer(await tinyJob(await fresh(), 1), {
      signal: AbortSignal.timeout(60_000),
      onEvent: () => undefined,
    });
    // This Python has not what is pinned; that would be said first where it is asked.
    await expect(running).rejects.toMatchObject({
      code: 'slurm/refused',
      message: 'Slurm does not take the job: Requested node configuration is not available',
    });
  });
});
