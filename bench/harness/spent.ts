/** What a program spends, with all that it starts, and all that its sandboxes do: those are nobody's children. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Seconds. `cpu` is `null` where it cannot be counted: that takes a group of the kernel's, and those want root. */
export interface Spent {
  readonly wall: number;
  readonly cpu: number | null;
  /** It did not end in time, and was ended. */
  readonly hung: boolean;
  readonly output: string;
}

interface Program {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Seconds after which it is ended. */
  readonly within: number;
}

export async function spentBy({ argv, cwd, env, within }: Program): Promise<Spent> {
  const group = takeGroup();
  const began = performance.now();
  const intoGroup = group === null ? [] : ['/bin/sh', '-c', `echo $$ >${group.folder}/cgroup.procs && exec "$@"`, 'sh'];
  const [program = '', ...rest] = [...intoGroup, ...argv];
  const child = spawn(program, rest, { cwd, env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output = `${output}${chunk}`.slice(-20_000);
    });
  let hung = false;
  const clock = setTimeout(() => {
    hung = true;
    endGroup(child.pid);
  }, within * 1000);
  await once(child, 'exit');
  clearTimeout(clock);
  const wall = (performance.now() - began) / 1000;
  // What it has left running does not count, and disturbs whoever comes next.
  endGroup(child.pid);
  for (const stream of [child.stdout, child.stderr]) stream.destroy();
  return { wall, cpu: (await group?.seconds()) ?? null, hung, output };
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}

function takeGroup() {
  const isOld = existsSync('/sys/fs/cgroup/cpuacct');
  const folder = join(isOld ? '/sys/fs/cgroup/cpuacct' : '/sys/fs/cgroup', `secpi-bench-${process.pid}-${taken}`);
  taken += 1;
  try {
    mkdirSync(folder);
  } catch {
    return null;
  }
  const seconds = async (): Promise<number> => {
    const used = isOld
      ? Number(readFileSync(join(folder, 'cpuacct.usage'), 'utf8')) / 1e9
      : Number(/^usage_usec (\d+)$/m.exec(readFileSync(join(folder, 'cpu.stat'), 'utf8'))?.[1]) / 1e6;
    await removed(folder);
    return used;
  };
  return { folder, seconds };
}

/** With whatever has left its process group, as endless loops that nobody ended. */
async function removed(folder: string): Promise<void> {
  for (let wait = 1; wait < 5000; wait *= 2) {
    for (const pid of readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    }
    try {
      rmdirSync(folder);
      return;
    } catch {
      await sleep(wait);
    }
  }
}

let taken = 0;
