import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';

export interface Command {
  readonly argv: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
}

/** What a command took, as the kernel counts it: its own processes and all that these have started. */
export interface Measured {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Of all its processes together, at the worst moment. */
  readonly peakBytes: number;
  /** `null` when it was killed, because it took too long. */
  readonly code: number | null;
}

const LOOK_MS = 250;
const CLOCK_TICKS = 100;
const PAGE_BYTES = 4096;

/** Runs a command in a session of its own; what it prints goes to the file `log`. Linux only. */
export async function measured(
  { argv, env }: Command,
  options: { readonly folder: string; readonly log: string; readonly minutes: number },
): Promise<Measured> {
  const log = openSync(options.log, 'a');
  const before = waitedForTicks();
  const begun = performance.now();
  const child = spawn(argv[0], argv.slice(1), {
    cwd: options.folder,
    env: { ...process.env, ...env },
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const session = child.pid;
  if (session === undefined) throw new Error(`${argv[0]} does not start`);
  const kill = (): void => {
    for (const pid of membersOf(session)) end(pid);
  };
  let peakBytes = 0;
  const looking = setInterval(() => {
    peakBytes = Math.max(peakBytes, memoryOf(session));
    if (performance.now() - begun > options.minutes * 60_000) kill();
  }, LOOK_MS);
  const [code] = (await once(child, 'exit')) as [number | null];
  clearInterval(looking);
  const seconds = (performance.now() - begun) / 1000;
  // A run that was killed must not leave anybody behind who goes on asking.
  kill();
  return { seconds, cpuSeconds: (waitedForTicks() - before) / CLOCK_TICKS, peakBytes, code };
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** Processor time of all processes that have ended here and were waited for, and of those that they had waited for. */
function waitedForTicks(): number {
  const fields = statOf('self') ?? [];
  return Number(fields[13]) + Number(fields[14]);
}

function membersOf(session: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(statOf(name)?.[3]) === session)
    .map(Number);
}

/** A process and all that it has started and that still run. Cheaper than to look at everybody, and looked for often. */
function treeOf(pid: number): readonly number[] {
  const children = readdirOf(`/proc/${pid}/task`).flatMap(
    (thread) => read(`/proc/${pid}/task/${thread}/children`)?.trim().split(' ').filter(Boolean) ?? [],
  );
  return [pid, ...children.flatMap((child) => treeOf(Number(child)))];
}

function memoryOf(root: number): number {
  let together = 0;
  let most = 0;
  for (const pid of treeOf(root)) {
    together += Number(read(`/proc/${pid}/statm`)?.split(' ')[1] ?? 0) * PAGE_BYTES;
    // What one had between two looks.
    most = Math.max(most, Number(/^VmHWM:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1] ?? 0) * 1024);
  }
  return Math.max(together, most);
}

/** The fields of `/proc/PID/stat` behind the name, which may hold blanks: state, parent, group, session, … */
function statOf(pid: string): readonly string[] | undefined {
  const text = read(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ');
}

function readdirOf(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
