/**
 * The one place where secpi starts programs that run for a while (short questions: `ask-program.ts`). On Node's own
 * `spawn`: execa 9 settles only when every grandchild has closed its pipes, and spends 0.2 ms on each descriptor. Each child leads its own process group, gets an explicit environment
 * and no file descriptor that secpi itself inherited by accident; stopping it stops the whole group; whatever is still
 * alive when secpi exits is killed.
 */
import { spawn } from 'node:child_process';
import { closeSync, createWriteStream, openSync, readdirSync, readFileSync, statSync, type WriteStream } from 'node:fs';
import { basename } from 'node:path';
import type { Duplex, Readable, Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { SecpiError } from '../errors.js';

/** What happens to one output stream. Without any of these it goes to /dev/null. */
export interface ProcessOutput {
  /** Called for every line, without its line break; the last one may lack it. */
  readonly onLine?: (line: string) => void;
  /** Appended to this file. Alone, the file is the child's own descriptor and secpi is not in between. */
  readonly file?: string;
  /** Kept in memory for the result. Beyond the limit: keep the first bytes, keep the last bytes, or stop the process. */
  readonly capture?: { readonly limitBytes: number; readonly overflow: 'keep-head' | 'keep-tail' | 'stop' };
}

export interface ProcessOptions {
  /** Program and arguments; a name without a slash is looked up in `env.PATH`. Never put a secret here: `ps` shows it. */
  readonly argv: readonly string[];
  readonly cwd: string;
  /** The whole environment of the child: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** `none` (default): end of file at once. `hold`: stays open until we stop or die, so that the child can notice. */
  readonly stdin?: 'none' | 'hold' | { readonly text: string };
  readonly stdout?: ProcessOutput;
  readonly stderr?: ProcessOutput;
  /** Descriptors 3, 4, ... of the child: one of ours, or a new pipe that appears in `RunningProcess.pipes`. */
  readonly extraFds?: readonly (number | 'pipe')[];
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

  const ours: number[] = [];
  const outputs = [new OutputSink(options.stdout), new OutputSink(options.stderr)] as const;
  const target = (output: ProcessOutput | undefined): 'ignore' | 'pipe' | number => {
    if (output === undefined) return 'ignore';
    if (output.file === undefined || output.onLine !== undefined || output.capture !== undefined) return 'pipe';
    const fd = openSync(output.file, 'a', 0o600);
    ours.push(fd);
    return fd;
  };
  const extra = options.extraFds ?? [];
  const stdio: (number | 'ignore' | 'pipe')[] = [
    options.stdin === undefined || options.stdin === 'none' ? 'ignore' : 'pipe',
    target(options.stdout),
    target(options.stderr),
    ...extra,
  ];
  const leaks = inheritedFds().filter((fd) => fd >= stdio.length);
  if (leaks.length > 0) {
    const nothing = openSync('/dev/null', 'r');
    ours.push(nothing);
    for (const fd of leaks) {
      while (stdio.length < fd) stdio.push('ignore');
      stdio[fd] = nothing;
    }
  }

  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env,
    stdio,
    detached: true,
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
  });
  for (const fd of ours) closeSync(fd);
  const pid = child.pid;
  if (pid === undefined) {
    const error = await new Promise<NodeJS.ErrnoException>((resolve) => child.once('error', resolve));
    if (error.code === 'ENOENT') {
      throw new SecpiError('process/not-found', `There is no program ${program}.`, { cause: error });
    }
    throw new SecpiError('process/not-started', `Cannot start ${program}: ${error.message}.`, { cause: error });
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
      if (graceMs > 0) escalation = setTimeout(() => killGroup(pid, 'SIGKILL'), graceMs);
    }
    return exited;
  };

  const streams: readonly (Readable | Writable | null | undefined)[] = child.stdio;
  const drained = outputs.map((sink, index) =>
    sink.drain(index === 0 ? child.stdout : child.stderr, () => void stop('output-limit')),
  );
  const pipes: Duplex[] = [];
  extra.forEach((kind, index) => {
    if (kind !== 'pipe') return;
    const pipe = streams[index + 3] as Duplex;
    pipe.on('error', () => {});
    pipes.push(pipe);
  });
  if (child.stdin !== null) {
    child.stdin.on('error', () => {}); // the child may close its end before it has read everything
    if (typeof options.stdin === 'object') child.stdin.end(options.stdin.text);
  }

  const abort = (): void => void stop('caller');
  options.signal?.addEventListener('abort', abort, { once: true });
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
    const late = setTimeout(() => {
      for (const stream of streams) stream?.destroy();
    }, DRAIN_MS);
    const [stdout, stderr] = await Promise.all(drained);
    clearTimeout(late);
    for (const stream of streams) stream?.destroy();
    return {
      ...end,
      stdout: stdout?.text ?? '',
      stderr: stderr?.text ?? '',
      truncated: (stdout?.truncated ?? false) || (stderr?.truncated ?? false),
      stoppedBy,
    };
  })();
  return { pid, exited, pipes, stop };
}

/** Collects one stream into lines, a file and memory. */
class OutputSink {
  readonly #output: ProcessOutput;
  readonly #decoder = new StringDecoder('utf8');
  #chunks: Buffer[] = [];
  #bytes = 0;
  #truncated = false;
  #line = '';

  constructor(output: ProcessOutput | undefined) {
    this.#output = output ?? {};
  }

  /** Reads the stream to its end (or until it is destroyed). */
  async drain(stream: Readable | null, overflow: () => void): Promise<{ text: string; truncated: boolean }> {
    if (stream === null) return { text: '', truncated: false };
    let file: WriteStream | undefined;
    if (this.#output.file !== undefined) {
      file = createWriteStream(this.#output.file, { flags: 'a', mode: 0o600 });
      file.on('error', () => {}); // a full disk must not take the run down through its log
    }
    await new Promise<void>((resolve) => {
      stream.on('error', () => {});
      stream.once('close', resolve);
      stream.on('data', (chunk: Buffer) => {
        file?.write(chunk);
        if (this.#output.onLine !== undefined) this.#lines(this.#decoder.write(chunk), this.#output.onLine);
        if (this.#output.capture !== undefined) this.#keep(chunk, this.#output.capture, overflow);
      });
    });
    await flushed(file);
    const rest = this.#line + this.#decoder.end();
    if (rest !== '') this.#output.onLine?.(rest);
    const all = Buffer.concat(this.#chunks);
    const limit = this.#output.capture?.limitBytes ?? 0;
    const kept = this.#output.capture?.overflow === 'keep-tail' && all.length > limit ? all.subarray(-limit) : all;
    return { text: kept.toString('utf8'), truncated: this.#truncated };
  }

  #lines(text: string, onLine: (line: string) => void): void {
    const parts = (this.#line + text).split('\n');
    this.#line = parts.pop() ?? '';
    for (const part of parts) onLine(part.endsWith('\r') ? part.slice(0, -1) : part);
  }

  #keep(chunk: Buffer, capture: NonNullable<ProcessOutput['capture']>, overflow: () => void): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes <= capture.limitBytes) return;
    this.#truncated = true;
    if (capture.overflow === 'keep-tail') {
      // Joined only now and then, so that a chatty server costs no copy per line.
      if (this.#bytes < capture.limitBytes * 2 + 65536) return;
      this.#chunks = [Buffer.concat(this.#chunks).subarray(-capture.limitBytes)];
    } else {
      this.#chunks = [Buffer.concat(this.#chunks).subarray(0, capture.limitBytes)];
      if (capture.overflow === 'stop') overflow();
    }
    this.#bytes = this.#chunks[0]?.length ?? 0;
  }
}

/** Settles when the file has everything, or an error has closed it. */
async function flushed(file: WriteStream | undefined): Promise<void> {
  if (file === undefined || file.closed) return;
  const closed = new Promise<void>((resolve) => file.once('close', resolve));
  file.end();
  await closed;
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

let inherited: readonly number[] | undefined;

/**
 * Descriptors above 2 that our own parent left open without close-on-exec. Node passes them on to every child (measured),
 * so they are covered with /dev/null. Node opens its own with close-on-exec: looking once is enough.
 */
function inheritedFds(): readonly number[] {
  inherited ??= (() => {
    const found: number[] = [];
    let names: string[] = [];
    try {
      names = readdirSync('/proc/self/fd');
    } catch {
      return found; // not Linux
    }
    for (const name of names) {
      const fd = Number(name);
      if (!(fd > 2)) continue;
      try {
        const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${name}`, 'utf8'))?.[1] ?? '0';
        if ((Number.parseInt(flags, 8) & 0o2000000) === 0) found.push(fd);
      } catch {
        // the descriptor of readdir itself
      }
    }
    return found;
  })();
  return inherited;
}
