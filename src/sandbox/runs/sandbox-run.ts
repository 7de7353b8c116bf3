/** One run: start, fill the work folder, let go, wait, read back. */
import { chownSync, closeSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf, SecpiError } from '../../base/errors.js';
import { systemCode } from '../../base/files/system-code.js';
import { capture } from '../../base/processes/capture.js';
import { type RunningProcess, type StopReason, startProcess } from '../../base/processes/child-process.js';
import { limitsFor } from '../limits.js';
import type { MemoryGroup, MemoryGroups } from '../memory/groups.js';
import { type MemoryWatch, watchMemory } from '../memory/watch.js';
import type { SandboxResult, SandboxRun } from '../sandbox.js';
import type { Shown } from '../toolchains.js';
import { WORK_FOLDER } from './bubblewrap.js';
import {
  type Bubblewrap,
  bubblewrapCommand,
  environmentOf,
  HOSTS,
  LAUNCHER,
  limitedCommand,
  passwdFor,
  programOf,
  type Tools,
} from './command.js';
import { endingOf } from './ending.js';
import { diesWithUs, endSandbox, firstProcess, startedBy } from './first-process.js';
import type { PlainPipe, PlainPipes } from './plain-pipes.js';
import { returnUserId, takeUserId } from './user-ids.js';
import { collectFiles, fillFolder, openFolder } from './work-folder.js';

/** What a machine offers for runs; found once by `openSandbox`. */
export interface Machine {
  /** `null` runs without any isolation. */
  readonly bubblewrap: Bubblewrap | null;
  readonly asRoot: boolean;
  readonly tools: Tools;
  readonly pipes: PlainPipes;
  /** The filter, and the one for runs that trace; null where there is none for this processor. */
  readonly seccomp: { readonly plain: Uint8Array; readonly trace: Uint8Array } | null;
  /** `null`: secpi watches memory itself. */
  readonly groups: MemoryGroups | null;
  /** Added to the process limit where the kernel counts all of the user's processes together. */
  readonly otherProcesses: number;
}

/** A start that takes longer than this is broken, not slow. */
const START_SECONDS = 60;
/** For what is in the pipes still once all is dead. */
const DRAIN_MS = 1000;

/** Runs something; see `Sandbox.run`. */
export async function runInSandbox(
  machine: Machine,
  shown: Shown | null,
  run: SandboxRun,
  signal: AbortSignal,
): Promise<SandboxResult> {
  signal.throwIfAborted();
  const { bubblewrap, tools, asRoot, otherProcesses } = machine;
  const limits = limitsFor(run.toolchain, run.limits);
  const seccomp = machine.seccomp === null ? null : machine.seccomp[run.trace === true ? 'trace' : 'plain'];
  const owner = asRoot ? takeUserId() : null;
  const hostFolder = bubblewrap === null ? privateFolders(owner) : null;
  const pipes: PlainPipe[] = [];
  let folder: number | null = null;
  let child: RunningProcess | null = null;
  let first: Promise<number | null> = Promise.resolve(null);
  let group: MemoryGroup | null = null;
  let watch: MemoryWatch | null = null;
  try {
    const work = hostFolder === null ? WORK_FOLDER : join(hostFolder, 'work');
    const env = environmentOf(shown, run, work, hostFolder === null ? '/tmp' : join(hostFolder, 'tmp'));
    const argv = programOf(run.argv, shown, bubblewrap !== null);
    if (bubblewrap !== null) group = machine.groups?.take(limits.memoryBytes) ?? null;
    const isolated =
      bubblewrap === null
        ? []
        : bubblewrapCommand(bubblewrap, asRoot, seccomp !== null, shown?.mounts ?? [], limits, group);
    const command = limitedCommand(tools, limits, otherProcesses, owner, env, argv);
    const stdin = run.stdin === undefined ? null : await machine.pipes.toWrite();
    const outputs = [await machine.pipes.toRead(), await machine.pipes.toRead()] as const;
    pipes.push(...(stdin === null ? [] : [stdin]), ...outputs);
    child = await startProcess({
      argv: [...isolated, ...['/bin/sh', '-c', LAUNCHER, 'sh'], ...command],
      cwd: hostFolder === null ? '/' : work,
      env: {},
      stdin: stdin === null ? 'none' : { file: stdin.path },
      stdout: { file: outputs[0].path },
      stderr: { file: outputs[1].path },
      extraFds:
        bubblewrap === null
          ? ['pipe']
          : ['pipe', 'pipe', 'pipe', 'pipe', 'pipe', ...(seccomp === null ? [] : ['pipe' as const])],
      signal,
      timeoutSeconds: START_SECONDS + limits.wallSeconds,
      graceSeconds: 0,
    });
    const running = child;
    const stop = (reason: StopReason): void => void running.stop(reason);
    for (const pipe of pipes) pipe.handedOver();
    // The program may end before it has read everything. Only a closed pipe is at its end: this is no socket.
    stdin?.stream.on('error', () => {}).write(run.stdin ?? '', () => stdin.stream.destroy());
    const kept = outputs.map(({ stream }) =>
      capture(stream, { limitBytes: limits.outputBytes, overflow: 'stop' }, () => stop('output-limit')),
    );

    const [handshake, status, passwd, hosts, guard, filter] = child.pipes;
    passwd?.end(passwdFor(owner ?? 65534));
    hosts?.end(HOSTS);
    filter?.end(seccomp ?? '');
    first = status === undefined ? first : firstProcess(status);
    const ready = new Promise<boolean>((resolve) => {
      handshake?.once('data', () => resolve(true));
      handshake?.once('close', () => resolve(false));
    });
    const notStarted = (error?: unknown) => startFailure(running, kept[1], signal, error);
    if (!(await ready)) throw await notStarted();
    guard?.end('well\n');
    const firstPid = await first;
    if (bubblewrap !== null && firstPid === null) throw await notStarted();
    try {
      folder = openFolder(hostFolder === null ? `/proc/${firstPid}/root${WORK_FOLDER}` : work);
      if (firstPid !== null) {
        if (asRoot) endsFirst(firstPid);
        if (seccomp !== null) await diesWithUs(firstPid);
        watch = watchMemory(firstPid, limits.memoryBytes, group, () => stop('caller'));
      }
    } catch (error) {
      // A sandbox that ends in this very moment takes its folder with it.
      throw hostFolder === null ? await notStarted(error) : error;
    }
    fillFolder(folder, run.files, owner);

    const started = performance.now();
    const clock = setTimeout(() => stop('timeout'), limits.wallSeconds * 1000);
    handshake?.end('go\n');
    const end = await child.exited.finally(() => clearTimeout(clock));
    const seconds = (performance.now() - started) / 1000;
    watch?.stop();
    const tooMuch = watch?.exceeded() === true;
    if (end.stoppedBy === 'caller' && !tooMuch) signal.throwIfAborted();
    // Nothing writes any more to what is read now.
    if (firstPid !== null) await endSandbox(firstPid);
    const [stdout, stderr] = await drained(kept, outputs);
    return {
      ending: tooMuch ? { how: 'memory-limit' } : endingOf(end.stoppedBy, end.exitCode, end.signal),
      stdout: stdout.text,
      stderr: stderr.text,
      truncated: stdout.truncated || stderr.truncated,
      seconds,
      collected: collectFiles(folder, run.collect ?? [], limits.fileBytes),
    };
  } finally {
    watch?.stop();
    if (child !== null) await child.stop('caller');
    const firstPid = await first;
    if (firstPid !== null) await endSandbox(firstPid);
    for (const pipe of pipes) {
      pipe.handedOver();
      pipe.stream.destroy();
    }
    group?.release();
    if (folder !== null) closeSync(folder);
    if (hostFolder !== null) rmSync(hostFolder, { recursive: true, force: true });
    if (owner !== null) returnUserId(owner);
  }
}

/**
 * When the machine runs out of memory the run is ended first. From a process that may raise this, which the ones inside may not, it also is
 * the least that they may set.
 */
function endsFirst(firstPid: number): void {
  const launcher = startedBy(firstPid);
  if (launcher === null) return;
  try {
    writeFileSync(`/proc/${launcher}/oom_score_adj`, '1000');
  } catch (error) {
    // One that has ended in this moment is found out by whoever waits for it.
    if (!['ENOENT', 'ESRCH'].includes(systemCode(error) ?? '')) throw error;
  }
}

type Captured = Awaited<ReturnType<typeof capture>>;

async function drained(
  kept: readonly Promise<Captured>[],
  outputs: readonly PlainPipe[],
): Promise<readonly [Captured, Captured]> {
  const late = setTimeout(() => {
    for (const { stream } of outputs) stream.destroy();
  }, DRAIN_MS);
  const [stdout, stderr] = await Promise.all(kept);
  clearTimeout(late);
  return [stdout as Captured, stderr as Captured];
}

/** Without bubblewrap: a work folder and a temporary folder on the host. */
function privateFolders(owner: number | null): string {
  const folder = mkdtempSync(join(tmpdir(), 'secpi-run-'));
  for (const path of [join(folder, 'work'), join(folder, 'tmp'), folder]) {
    mkdirSync(path, { recursive: true });
    if (owner !== null) chownSync(path, owner, owner);
  }
  return folder;
}

async function startFailure(
  child: RunningProcess,
  stderr: Promise<Captured> | undefined,
  signal: AbortSignal,
  error: unknown,
): Promise<unknown> {
  const { stoppedBy } = await child.stop('caller');
  if (stoppedBy === 'caller' && signal.aborted) return signal.reason;
  const why = (await stderr)?.text.trim() || (error === undefined ? 'no reason given' : messageOf(error));
  return new SecpiError('sandbox/start-failed', `The sandbox did not start: ${why}.`);
}
