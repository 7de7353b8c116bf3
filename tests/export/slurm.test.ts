import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { jobName } from '../../src/export/cluster-job.js';
import { slurmScript } from '../../src/export/slurm.js';
import { hasSlurm, slurmCluster } from '../support/slurm-cluster.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { clusterJob, largeJob } from './cluster-job.js';
import { ended, submitted, UNTIL_TOLD, until } from './submitted-job.js';

const options = { sbatch: [], before: [] };

/** The options of sbatch that a script gives itself. */
function header(script: string): readonly string[] {
  return [...script.matchAll(/^#SBATCH (.+)$/gm)].map(([, option = '']) => option);
}

describe('a job for Slurm', () => {
  it('asks for what was asked for, and for nothing else', () => {
    expect(header(slurmScript(clusterJob(), options))).toEqual([
      '--job-name=secpi-r',
      '--nodes=1',
      '--ntasks=1',
      '--signal=B:USR2@240',
      '--requeue',
      '--open-mode=append',
      '--output=%x-%j.log',
      '--export=NONE',
    ]);
    const sbatch = ['--account=vision'];
    expect(header(slurmScript(largeJob, { ...options, sbatch, hours: 1.01 }))).toEqual(
      expect.arrayContaining(['--gres=gpu:H100:2', '--cpus-per-task=16', '--mem=131072M', '--time=61', ...sbatch]),
    );
  });

  it('is bash, with the lines of the user first', () => {
    const script = slurmScript(largeJob, { ...options, before: ['module load nodejs'] });
    expect(spawnSync('bash', ['-n'], { input: script, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
    expect(script.indexOf('module load nodejs')).toBeLessThan(script.indexOf('recipe.yaml'));
    // sbatch stops reading its options at the first command.
    expect(script.lastIndexOf('#SBATCH')).toBeLessThan(script.indexOf('set -eu'));
  });

  it.each([0, 1, 3])('ends as the run does, with %i', async (code) => {
    const { folder, start, read } = await submitted(`exit ${code}`);
    await using _folder = folder;
    expect(await ended(start())).toBe(code);
    expect(await read('started')).toBe('run recipe.yaml\n');
    expect(await read('asked')).toBeUndefined();
  });

  it('stops the run when the time is up, and queues itself again', async () => {
    const { folder, start, read } = await submitted(UNTIL_TOLD);
    await using _folder = folder;
    const child = start();
    await until(async () => (await read('ready')) !== undefined);
    child.kill('SIGUSR2');
    await ended(child);
    expect(await read('told')).toBe('TERM\n');
    expect(await read('asked')).toBe('requeue 7\n');
  });

  it('does not queue itself again without end, nor what was cancelled', async () => {
    const { folder, start, read } = await submitted(UNTIL_TOLD);
    await using _folder = folder;
    const late = start({ SLURM_RESTART_COUNT: '100' });
    await until(async () => (await read('ready')) !== undefined);
    late.kill('SIGUSR2');
    expect(await ended(late)).toBe(143);
    expect(await read('asked')).toBeUndefined();
  });

  it('does not hand TERM on, which Slurm sends to every process of a job', async () => {
    const { folder, start, read } = await submitted(
      `${UNTIL_TOLD.replace('while :', 'for i in 1 2 3 4 5 6')}\nexit 5\n`,
    );
    await using _folder = folder;
    const child = start();
    await until(async () => (await read('ready')) !== undefined);
    child.kill('SIGTERM');
    expect(await ended(child)).toBe(5);
    expect(await read('told')).toBeUndefined();
    expect(await read('asked')).toBeUndefined();
  });

  it('keeps its secrets while it may be started again, and no longer', async () => {
    const { folder, start, read } = await submitted(
      `echo "$A_KEY" > seen\n${UNTIL_TOLD.replace('while :', 'while [ ! -e end ]')}`,
      { variables: ['A_KEY'] },
    );
    await using _folder = folder;
    const secret = await folder.write('secrets/A_KEY', 'a-key\n');
    await chmod(secret, 0o644);
    const refused = start();
    expect(await ended(refused)).toBe(2);
    expect(await read('started')).toBeUndefined();

    await chmod(secret, 0o600);
    await chmod(join(folder.path, 'secrets'), 0o700);
    const first = start();
    await until(async () => (await read('ready')) !== undefined);
    first.kill('SIGUSR2');
    await ended(first);
    expect(existsSync(secret)).toBe(true);

    await folder.write('end', '');
    expect(await ended(start())).toBe(0);
    expect(await read('seen')).toBe('a-key\n');
    expect(existsSync(join(folder.path, 'secrets'))).toBe(false);
  });
});

describe.skipIf(!hasSlurm)('a job for Slurm, given to a real one', () => {
  it('is taken or refused for what it asks for, and runs to its end', async () => {
    await using slurm = await slurmCluster();
    await using folder = await temporaryFolder();
    const secpi = await folder.write('secpi', '#!/bin/sh\necho "$@" "$A_KEY" "$CANARY" > result\n');
    await chmod(secpi, 0o755);
    const submit = async (script: string, ...args: readonly string[]) => {
      await folder.write('job.sbatch', script);
      return slurm.command('sbatch', [...args, 'job.sbatch'], folder.path);
    };
    const resources = { ...largeJob.resources, cpus: 8, memory: 1024 ** 3 };
    const job = clusterJob({ ...largeJob, resources, secpi, recipe: clusterJob().recipe, variables: ['A_KEY'] });
    const comment = `a  "b" 'c' \\d #e $(touch canary)`;
    const own = { ...options, hours: 24, sbatch: [`--comment=${comment}`] };
    expect((await submit(slurmScript(job, own), '--test-only')).stderr).toContain('to start at');
    const a100 = { ...job, resources: { ...job.resources, gpuKind: 'A100' } };
    await expect(submit(slurmScript(a100, own), '--test-only')).rejects.toThrow('not available');
    await expect(submit(slurmScript(job, { ...own, sbatch: ['--no-such-option'] }), '--test-only')).rejects.toThrow();

    await chmod(await folder.write('secrets/A_KEY', 'a-key\n'), 0o600);
    await chmod(join(folder.path, 'secrets'), 0o700);
    const { stdout } = await submit(slurmScript(job, own), '--parsable');
    const state = async () =>
      (await slurm.command('squeue', ['-h', '-t', 'all', '-o', '%T'], folder.path)).stdout.trim();
    await until(async () => ['COMPLETED', 'FAILED'].includes(await state()));
    const told = await slurm.command('squeue', ['-h', '-t', 'all', '-o', '%k'], folder.path);
    expect(told.stdout).toBe(`${comment}\n`);
    const log = join(folder.path, `${jobName(job)}-${stdout.trim()}.log`);
    expect({ state: await state(), log: await readFile(log, 'utf8') }).toEqual({ state: 'COMPLETED', log: '' });
    expect(await readFile(join(folder.path, 'result'), 'utf8')).toBe('run recipe.yaml a-key \n');
    expect(existsSync(join(folder.path, 'secrets'))).toBe(false);
  });
});
