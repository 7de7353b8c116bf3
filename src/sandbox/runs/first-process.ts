/** The first process of a sandbox: bubblewrap's own, with which everything inside dies. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** The first line that bubblewrap writes holds its process id here. By then bubblewrap itself dies with secpi. */
export function firstProcess(status: NodeJS.ReadableStream): Promise<number | null> {
  return new Promise((resolve) => {
    let text = '';
    status.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
      const pid = /"child-pid": (\d+)/.exec(text)?.[1];
      if (pid !== undefined) resolve(Number(pid));
    });
    status.once('close', () => resolve(null));
  });
}

/** The process id here of what the first process has started; null where this kernel does not tell. */
export function startedBy(pid: number): number | null {
  try {
    const child = Number.parseInt(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'), 10);
    return Number.isNaN(child) ? null : child;
  } catch {
    return null;
  }
}

/**
 * Waits until a first process dies with secpi. It asks for that beside the start of the program, and then takes the system-call filter, which
 * can be seen. Nobody else's code may run before: should secpi die then, nothing would end it.
 */
export async function diesWithUs(pid: number): Promise<void> {
  for (let wait = 1; ; wait = Math.min(wait * 2, 100)) {
    const status = statusOf(pid);
    if (status === null || /^Seccomp:\t2$/m.test(status)) return;
    await sleep(wait);
  }
}

/**
 * Ends a sandbox through its first process. With bubblewrap that should die by itself, but it asks for
 * that only once all else is set up: on a busy machine the program inside may run before.
 */
export async function endSandbox(pid: number): Promise<void> {
  for (let wait = 1; wait < 2000; wait *= 2) {
    const status = statusOf(pid);
    // Another process that has got its number since is not the first of a namespace.
    if (status === null || !/^NSpid:\t\d+(?:\t\d+)*\t1$/m.test(status) || /^State:\tZ/m.test(status)) return;
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      return; // it has died in this moment
    }
    await sleep(wait);
  }
}

function statusOf(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return null;
  }
}
