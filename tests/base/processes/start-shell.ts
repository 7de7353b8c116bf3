import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ProcessOptions, type RunningProcess, startProcess } from '../../../src/base/processes/child-process.js';

export const PATH = '/usr/local/bin:/usr/bin:/bin';
export const all = { capture: { limitBytes: 1 << 20, overflow: 'stop' } } as const;

/** Starts a shell script and captures what it says. */
export function startShell(script: string, options: Partial<ProcessOptions> = {}): Promise<RunningProcess> {
  return startProcess({ argv: ['sh', '-c', script], cwd: '/', env: { PATH }, stdout: all, stderr: all, ...options });
}

/** Starts one that says on descriptor 3 when it is ready, and waits for that. */
export async function readyShell(script: string, options: Partial<ProcessOptions> = {}): Promise<RunningProcess> {
  const child = await startShell(script, { ...options, extraFds: ['pipe'] });
  const [ready] = child.pipes;
  if (ready !== undefined) await once(ready, 'data');
  return child;
}

/** Whether a process of that id runs (a zombie that waits for its parent does not). */
export function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Never resolves if it goes on; the test's own time limit ends that. */
export async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await sleep(10);
}
