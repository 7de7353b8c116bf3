/** One run: start, fill the work folder, let go, wait, read back. */
import { chownSync, closeSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { SecpiError } from '../base/errors.js';
import { type RunningProcess, startProcess } from '../base/processes/child-process.js';
import { type BubblewrapFeatures, bubblewrapArguments, WORK_FOLDER } from './bubblewrap.js';
import { limitsFor } from './limits.js';
import type { SandboxEnding, SandboxLimits, SandboxResult, SandboxRun } from './sandbox.js';
import type { Mount, Shown } from './toolchains.js';
import { collectFiles, fillFolder, openFolder } from './work-folder.js';

/** What a machine offers for runs; found once by `openSandbox`. */
export interface Machine {
  /** `null` runs without any isolation. */
  readonly bubblewrap: {
    readonly program: string;
    readonly version: string;
    readonly features: BubblewrapFeatures;
  } | null;
  readonly asRoot: boolean;
  readonly tools: { readonly prlimit: string; readonly setpriv: string; readonly env: string };
  readonly seccomp: Uint8Array | null;
  /** Added to the process limit where the kernel counts all of the user's processes together. */
  readonly otherProcesses: number;
}

/** Descriptors of the started process: the hand-shake, then those that only bubblewrap reads. */
const FD = { handshake: 3, status: 4, passwd: 5, hosts: 6, seccomp: 7 } as const;

/** Says that it is ready, waits for the work folder to be filled, then becomes the limited program. */
const LAUNCHER =
  'exec 4>&- 5>&- 6>&- 7>&-; umask 022; echo 1000 2>/dev/null >/proc/self/oom_score_adj; printf r >&3; read -r go <&3 || exit 125; exec "$@" 3>&-';

const HOSTS = '127.0.0.1 localhost sandbox\n::1 localhost\n';

/** A start that takes longer than this is broken, not slow. */
const START_SECONDS = 60;

/** Runs something; see `Sandbox.run`. */
export async function runInSandbox(
  machine: Machine,
  shown: Shown | null,
  run: SandboxRun,
  signal: AbortSignal,
): Promise<SandboxResult> {
  signal.throwIfAborted();
  const limits = limitsFor(run.toolchain, run.limits);
  const owner = machine.asRoot ? takeUid() : null;
  const hostFolder = machine.bubblewrap === null ? privateFolders(owner) : null;
  let folder: number | null = null;
  let child: RunningProcess | null = null;
  let init: Promise<number | null> = Promise.resolve(null);
  try {
    const work = hostFolder === null ? WORK_FOLDER : join(hostFolder, 'work');
    const temporary = hostFolder === null ? '/tmp' : join(hostFolder, 'tmp');
    const seccompFd = machine.seccomp === null ? [] : ['pipe' as const];
    const env = environment(shown, run, work, temporary);
    const argv = seeded(machine, shown, checkedCommand(run.argv));
    const command = limitedCommand(machine, limits, owner, env, argv);
    child = await startProcess({
      argv: [...bubblewrapCommand(machine, shown?.mounts ?? []), ...['/bin/sh', '-c', LAUNCHER, 'sh', ...command]],
      cwd: hostFolder === null ? '/' : work,
      env: {},
      stdin: run.stdin === undefined ? 'none' : { text: run.stdin },
      stdout: { capture: { limitBytes: limits.outputBytes, overflow: 'stop' } },
      stderr: { capture: { limitBytes: limits.outputBytes, overflow: 'stop' } },
      extraFds: machine.bubblewrap === null ? ['pipe'] : ['pipe', 'pipe', 'pipe', 'pipe', ...seccompFd],
      signal,
      timeoutSeconds: START_SECONDS + limits.wallSeconds,
      graceSeconds: 0,
    });
    const [handshake, status, passwd, hosts, seccomp] = child.pipes;
    passwd?.end(`sandbox:x:${owner ?? 65534}:${owner ?? 65534}::${WORK_FOLDER}:/bin/sh\n`);
    hosts?.end(HOSTS);
    seccomp?.end(machine.seccomp ?? '');
    init = status === undefined ? init : childPid(status);
    const ready = new Promise<boolean>((resolve) => {
      handshake?.once('data', () => resolve(true));
      handshake?.once('close', () => resolve(false));
    });
    if (!(await ready)) throw await notStarted(child, signal);
    const sandboxPid = await init;
    if (machine.bubblewrap !== null && sandboxPid === null) throw await notStarted(child, signal);
    try {
      folder = openFolder(hostFolder === null ? `/proc/${sandboxPid}/root${WORK_FOLDER}` : work);
    } catch (error) {
      // A sandbox that ends in this very moment takes its folder with it.
      throw hostFolder === null ? await notStarted(child, signal) : error;
    }
    fillFolder(folder, run.files, owner);

    const started = performance.now();
    const clock = setTimeout(() => void child?.stop('timeout'), limits.wallSeconds * 1000);
    handshake?.end('go\n');
    const end = await child.exited.finally(() => clearTimeout(clock));
    const seconds = (performance.now() - started) / 1000;
    if (end.stoppedBy === 'caller') signal.throwIfAborted();
    // Nothing writes any more to what is read now.
    if (sandboxPid !== null) await endSandbox(sandboxPid);
    return {
      ending: endingOf(end.stoppedBy, end.exitCode, end.signal),
      stdout: end.stdout,
      stderr: end.stderr,
      truncated: end.truncated,
      seconds,
      collected: collectFiles(folder, run.collect ?? [], limits.fileBytes),
    };
  } finally {
    if (child !== null) await child.stop('caller');
    const first = await init;
    if (first !== null) await endSandbox(first);
    if (folder !== null) closeSync(folder);
    if (hostFolder !== null) rmSync(hostFolder, { recursive: true, force: true });
    if (owner !== null) usedUids.delete(owner);
  }
}

function bubblewrapCommand(machine: Machine, mounts: readonly Mount[]): string[] {
  if (machine.bubblewrap === null) return [];
  const { program, features } = machine.bubblewrap;
  const fds = { ...FD, seccomp: machine.seccomp === null ? null : FD.seccomp };
  return [program, ...bubblewrapArguments(machine.asRoot, features, mounts, fds)];
}

/** The program behind everything that takes rights away from it. */
function limitedCommand(
  machine: Machine,
  limits: SandboxLimits,
  uid: number | null,
  env: Readonly<Record<string, string>>,
  argv: readonly string[],
): string[] {
  const { prlimit, setpriv, env: envProgram } = machine.tools;
  return [
    ...(uid === null
      ? []
      : [
          setpriv,
          `--reuid=${uid}`,
          `--regid=${uid}`,
          '--clear-groups',
          '--no-new-privs',
          '--bounding-set=-all',
          '--inh-caps=-all',
        ]),
    prlimit,
    ...(limits.addressSpaceBytes === null ? [] : [`--as=${limits.addressSpaceBytes}`]),
    ...(limits.dataBytes === null ? [] : [`--data=${limits.dataBytes}`]),
    // Soft before hard: SIGXCPU tells a spent CPU budget from any other kill.
    `--cpu=${limits.cpuSeconds}:${limits.cpuSeconds + 1}`,
    `--fsize=${limits.fileBytes}`,
    `--nproc=${limits.processes + machine.otherProcesses}`,
    ...['--nofile=512', '--core=0', '--memlock=0', '--msgqueue=0', '--', envProgram, '-i'],
    ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
    ...argv,
  ];
}

function checkedCommand(argv: readonly string[]): readonly string[] {
  const program = argv[0] ?? '';
  if (program === '' || program.startsWith('-') || program.includes('=') || argv.some((part) => part.includes('\0'))) {
    throw new TypeError(`not a command: ${JSON.stringify(argv)}`);
  }
  return argv;
}

/** Puts the making of the seed links before the command. It may fail: a cold cache is slow, not wrong. */
function seeded(machine: Machine, shown: Shown | null, argv: readonly string[]): readonly string[] {
  const seed = shown?.seed;
  if (!seed) return argv;
  const mount = shown.mounts.find(({ to }) => to === seed.from);
  const from = machine.bubblewrap === null ? mount?.from : seed.from;
  return ['/bin/sh', '-c', `cp -rs "$0" "$${seed.variable}" 2>/dev/null; exec "$@"`, from ?? seed.from, ...argv];
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

function environment(shown: Shown | null, run: SandboxRun, home: string, temporary: string): Record<string, string> {
  for (const name of Object.keys(run.env ?? {})) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new TypeError(`not a variable name: ${name}`);
  }
  return {
    PATH: [...(shown?.path ?? []), '/usr/local/bin', '/usr/bin', '/bin'].join(':'),
    HOME: home,
    TMPDIR: temporary,
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    // LeakSanitizer traces the program, which the system-call filter forbids. No resource limit fits AddressSanitizer.
    ASAN_OPTIONS: 'detect_leaks=0:hard_rss_limit_mb=1024',
    ...shown?.env,
    ...Object.fromEntries(Object.entries(shown?.scratch ?? {}).map(([name, path]) => [name, join(temporary, path)])),
    ...run.env,
  };
}

function endingOf(
  stoppedBy: 'caller' | 'timeout' | 'output-limit' | null,
  exitCode: number | null,
  signal: string | null,
): SandboxEnding {
  if (stoppedBy === 'timeout') return { how: 'timed-out' };
  if (stoppedBy === 'output-limit') return { how: 'output-limit' };
  // bubblewrap reports death by signal n as exit code 128 + n, as shells do.
  const name = signal ?? SIGNALS.get((exitCode ?? 0) - 128) ?? null;
  if (name === 'SIGXCPU') return { how: 'timed-out' };
  if (name !== null) return { how: 'signalled', signal: name };
  return { how: 'exited', exitCode: exitCode ?? 0 };
}

/** Where one number has two names (SIGABRT, SIGIOT) the first, usual one comes last here and stays. */
const SIGNALS = new Map(
  Object.entries(constants.signals)
    .reverse()
    .map(([name, number]) => [number, name]),
);

/** The first line that bubblewrap writes holds the process id of the sandbox's own init. */
function childPid(status: NodeJS.ReadableStream): Promise<number | null> {
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

async function notStarted(child: RunningProcess, signal: AbortSignal): Promise<unknown> {
  const { stderr, stoppedBy } = await child.stop('caller');
  if (stoppedBy === 'caller' && signal.aborted) return signal.reason;
  return new SecpiError('sandbox/start-failed', `The sandbox did not start: ${stderr.trim() || 'no reason given'}.`);
}

/**
 * Ends a sandbox through its first process, with which everything inside dies. With bubblewrap that should die by itself, but it asks for
 * that only once all else is set up: on a busy machine the program inside may run before.
 */
async function endSandbox(pid: number): Promise<void> {
  for (let wait = 1; wait < 2000; wait *= 2) {
    if (!isFirstOfItsOwn(pid)) return;
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      return; // it has died in this moment
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

/** Whether a process lives that is the first of a namespace of processes. Another that has got its number since is not. */
function isFirstOfItsOwn(pid: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return /^NSpid:\t\d+(?:\t\d+)*\t1$/m.test(status) && !/^State:\tZ/m.test(status);
  } catch {
    return false;
  }
}

const usedUids = new Set<number>();
const UIDS = { first: 61000, count: 4000 } as const;
let nextUid = (process.pid * 64) % UIDS.count;

/** A user id of its own for each run that is under way, so that its process limit counts it alone. */
function takeUid(): number {
  // In turn, not the lowest free one: what an earlier run left may still count.
  for (let tries = 0; ; tries += 1) {
    const uid = UIDS.first + nextUid;
    nextUid = (nextUid + 1) % UIDS.count;
    if (usedUids.has(uid) && tries < UIDS.count) continue;
    usedUids.add(uid);
    return uid;
  }
}
