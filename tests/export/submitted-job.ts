import { spawn } from 'node:child_process';
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterJob } from '../../src/export/cluster-job.js';
import { slurmScript } from '../../src/export/slurm.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { clusterJob } from './cluster-job.js';

/** A folder with a job whose secpi does what `body` says, and a `scontrol` that writes down what it is asked. */
export async function submitted(body: string, more: Partial<ClusterJob> = {}) {
  const folder = await temporaryFolder();
  const program = async (name: string, text: string) => {
    const path = await folder.write(join('bin', name), `#!/bin/bash\n${text}`);
    await chmod(path, 0o755);
    return path;
  };
  const secpi = await program('secpi', `echo "$@" >> started\n${body}`);
  // Slurm ends a job that is queued again; so does this one.
  await program('scontrol', 'echo "$@" >> asked\nkill -KILL $PPID\n');
  const path = await folder.write(
    'job.sbatch',
    slurmScript(clusterJob({ secpi, ...more }), { sbatch: [], before: [] }),
  );
  const environment = { PATH: `${join(folder.path, 'bin')}:${process.env.PATH}`, SLURM_JOB_ID: '7' };
  const start = (more: Readonly<Record<string, string>> = {}) =>
    spawn('bash', [path], { cwd: folder.path, stdio: 'ignore', env: { ...environment, ...more } });
  const read = (name: string) => readFile(join(folder.path, name), 'utf8').catch(() => undefined);
  return { folder, program, start, read };
}

/** How it ended: its exit code, or the signal. */
export function ended(child: ReturnType<typeof spawn>): Promise<number | NodeJS.Signals | null> {
  return new Promise((resolve) => child.once('close', (code, signal) => resolve(code ?? signal)));
}

export async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20);
}

/** What runs until it is told to stop, and says that it can be resumed. */
export const UNTIL_TOLD = 'trap "echo TERM >> told; exit 143" TERM\ntouch ready\nwhile :; do sleep 0.05; done\n';
