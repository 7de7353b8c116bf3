/**
 * The one place where secpi starts programs that run for a while (short questions: `ask-program.ts`). On Node's own
 * `spawn`: execa 9 settles only when every grandchild has closed its pipes, and spends 0.2 ms on each descriptor. Each child
 * leads its own process group, gets an explicit environment and no file descriptor that secpi itself inherited by accident;
 * stopping it stops the whole group; whatever is still alive when secpi exits is killed.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { closeSync, openSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import type { Duplex, Readable, Writable } from 'node:stream';
import { SecpiError } from '../errors.js';
import { type Capture, capture } from './capture.js';
import { coverDescriptors, inheritedDescriptors } from './inherited-descriptors.js';

/**
 * Appended to a file, which is the child's own descriptor: secpi is not in between. Or kept in memory for the result. Or a stream,
 * which somebody has to read to its end.
 */
export type ProcessOutput = { readonly file: string } | { readonly capture: Capture } | 'stream';

export interface ProcessOptions {
  /** Program and arguments; a name without a slash is looked up in `env.PATH`. Never put a secret here: `ps` shows it. */
  readonly argv: readonly string[];
  readonly cwd: string;
  /** The whole environment of the child: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** `none` (default): end of file at once. `hold`: stays open until we stop or die, so that the child can notice. A file is the child's own. */
  readonly stdin?: 'none' | 'hold' | { readonly text: string; readonly hold?: boolean } | { readonly file: string };
  /** To /dev/null by default. */
  readonly stdout?: ProcessOutput;
  readonly stderr?: Exclude<ProcessOutput, 'stream'>;
  /** Descriptors 3, 4, ... of the child: new pipes, which appear in `RunningProcess.pipes`. */
  readonly extraFds?: readonly 'pipe'[];
  readonly uid?: number;
  readonly gid?: number;
  /** Aborting it is `stop('caller')`. */
  readonly signal?: AbortSignal;
  /** Wall clock, from the start. */
  readonly timeoutSeconds?: number;
  /** Between SIGTERM and SIGKILL when stopping; 0 sends SIGKILL at once. Default 5. */
  readonly graceSeconds?: number;
}

export type StopReason = 'caller' | 'timeout' | 'output-limit';

export interface ProcessResult {
  /** `null` when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What was captured, as UTF-8; empty without `capture`. */
  readonly stdout: string;
  readonly stderr: string;
  /** True when a captured stream was longer than its limit. */
  readonly truncated: boolean;
  /** Why we stopped it; `null` when it ended by itself. */
  readonly stoppedBy: StopReason | null;
}

export interface RunningProcess {
  /** Also the id of its process group. */
  readonly pid: number;
  /** Settles when the process is gone and its output is read; never rejects. */
  readonly exited: Promise<ProcessResult>;
  /** The pipes asked for in `extraFds`, in order. Errors on them are swallowed. */
  readonly pipes: readonly Duplex[];
  /** What it prints, where that is to be a stream. */
  readonly stdout: Readable | null;
  /** What it reads, as long as that is held open. Who ends it lets go of it. Errors on it are swallowed. */
  readonly stdin: Writable | null;
  /** Stops the whole group. Safe to call at any time and more than once; the first reason counts. */
  stop(reason?: StopReason): Promise<ProcessResult>;
}

/** Output held open by something that left the group is waited for this long after the process itself is gone. */
const DRAIN_MS = 1000;

/**
 * Starts a program.
 *
 * @throws SecpiError `process/not-found` (no such program), `process/no-folder` (no such cwd), `process/not-started`;
 * the signal's reason when it is already aborted.
 */
export async function startProcess(options: ProcessOptions): Promise<RunningProcess> {
  options.signal?.throwIfAborted();
  const [program, ...args] = options.argv;
  if (program === undefined) throw new TypeError('argv is empty');
  if (!isFolder(options.cwd)) {
    throw new SecpiError('process/no-folder', `Cannot start ${basename(program)}: there is no folder ${options.cwd}.`);
  }

  const { stdin = 'none', extraFds = [] } = options;
  const child = startChild(program, args, [inputOf(stdin), options.stdout, options.stderr, ...extraFds], {
    cwd: options.cwd,
    env: options.env,
    uid: options.uid,
    gid: options.gid,
    detached: true,
  });
  const pid = child.pid;
  if (pid === undefined) {
    const error = await new Promise<NodeJS.ErrnoException>((resolve) => child.once('error', resolve));
    if (error.code === 'ENOENT') {
      throw new SecpiError('process/not-found', `There is no program ${program}.`, { cause: error });
    }
    throw notStarted(program, error);
  }
  child.on('error', () => {}); // a signal that could not be sent
  remember(pid);

  let stoppedBy: StopReason | null = null;
  let gone = false;
  let escalation: NodeJS.Timeout | undefined;
  const stop = (reason: StopReason = 'caller'): Promise<ProcessResult> => {
    if (stoppedBy === null && !gone) {
      stoppedBy = reason;
      const graceMs = (options.graceSeconds ?? 5) * 1000;
      killGroup(pid, graceMs > 0 ? 'SIGTERM' : 'SIGKILL');
      escalation = setTimeout(() => killGroup(pid, 'SIGKILL'), graceMs);
    }
    return exited;
  };

  const streams: readonly (Readable | Writable | null | undefined)[] = child.stdio;
  const streamed = options.stdout === 'stream' ? child.stdout : null;
  const kept = Promise.all([read(child.stdout, options.stdout, stop), read(child.stderr, options.stderr, stop)]);
  const pipes = streams.slice(3, 3 + extraFds.length) as Duplex[];
  for (const pipe of pipes) pipe.on('error', () => {});
  if (child.stdin !== null) {
    child.stdin.on('error', () => {}); // the child may close its end before it has read everything
    if (typeof stdin === 'object' && 'text' in stdin) {
      child.stdin.write(stdin.text);
      if (stdin.hold !== true) child.stdin.end();
    }
  }

  const abort = (): void => void stop('caller');
  options.signal?.addEventListener('abort', abort);
  const timer =
    options.timeoutSeconds === undefined ? undefined : setTimeout(() => stop('timeout'), options.timeoutSeconds * 1000);

  const ended = new Promise<{ exitCode: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
  });
  const exited = (async (): Promise<ProcessResult> => {
    const end = await ended;
    gone = true;
    killGroup(pid, 'SIGKILL'); // what it left behind in its group
    forget(pid);
    clearTimeout(escalation);
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', abort);
    // Whoever reads a stream may need longer for what is in it already, and is not to lose it.
    const ours = streams.filter((stream) => stream !== streamed);
    const late = setTimeout(() => {
      for (const stream of ours) stream?.destroy();
    }, DRAIN_MS);
    // The last word on a pipe that somebody reads may come after the end of the one who wrote it.
    const [[stdout, stderr]] = await Promise.all([kept, ...pipes.map(readToEnd)]);
    clearTimeout(late);
    for (const stream of ours) stream?.destroy();
    return {
      ...end,
      stdout: stdout.text,
      stderr: stderr.text,
      truncated: stdout.truncated || stderr.truncated,
      stoppedBy,
    };
  })();
  return { pid, exited, pipes, stdout: streamed, stdin: child.stdin, stop };
}

/** Waits until what comes on a pipe has been read by whoever reads it; for nothing where nobody does. */
async function readToEnd(pipe: Duplex): Promise<void> {
  if (pipe.readableFlowing !== true || pipe.readableEnded || pipe.destroyed) return;
  await new Promise<void>((resolve) => pipe.once('end', resolve).once('close', resolve));
}

type Descriptor = 'ignore' | 'pipe' | ProcessOutput | { readonly input: string } | undefined;

function inputOf(stdin: NonNullable<ProcessOptions['stdin']>): Descriptor {
  if (typeof stdin === 'object' && 'file' in stdin) return { input: stdin.file };
  return stdin === 'none' ? 'ignore' : 'pipe';
}

let inherited: readonly number[] | undefined;

/** Spawns with these descriptors. What had to be opened for that is closed again. */
function startChild(
  program: string,
  args: readonly string[],
  targets: readonly Descriptor[],
  options: SpawnOptions,
): ChildProcess {
  const ours: number[] = [];
  const open = (path: string, flags: string): number => {
    const fd = openSync(path, flags, 0o600);
    ours.push(fd);
    return fd;
  };
  try {
    const stdio = targets.map((target = 'ignore') => {
      if (typeof target === 'string') return target === 'stream' ? 'pipe' : target;
      if ('input' in target) return open(target.input, 'r');
      return 'file' in target ? open(target.file, 'a') : 'pipe';
    });
    // Node opens its own with close-on-exec: looking once is enough.
    inherited ??= inheritedDescriptors('/proc/self');
    const descriptors = coverDescriptors(stdio, inherited, open('/dev/null', 'r'));
    try {
      return spawn(program, args, { ...options, stdio: descriptors });
    } catch (error) {
      throw notStarted(program, error as Error); // Node throws some of the system's errors, and tells others later
    }
  } finally {
    for (const fd of ours) closeSync(fd);
  }
}

function notStarted(program: string, error: Error): SecpiError {
  return new SecpiError('process/not-started', `Cannot start ${program}: ${error.message}.`, { cause: error });
}

async function read(
  stream: Readable | null,
  output: ProcessOutput | undefined,
  stop: (reason: StopReason) => unknown,
): Promise<{ readonly text: string; readonly truncated: boolean }> {
  if (output === undefined || output === 'stream' || 'file' in output) return { text: '', truncated: false };
  return capture(stream as Readable, output.capture, () => stop('output-limit'));
}

const groups = new Set<number>();
let watching = false;

function remember(pid: number): void {
  groups.add(pid);
  if (watching) return;
  watching = true;
  process.once('exit', () => {
    for (const group of groups) killGroup(group, 'SIGKILL');
  });
}

function forget(pid: number): void {
  groups.delete(pid);
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: all of it is gone already. EPERM: only members with another uid are left.
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
