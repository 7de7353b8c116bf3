/** What is started for a run: bubblewrap, what takes rights away from the program inside, and the program. */
import { join } from 'node:path';
import type { MemoryGroup } from '../memory/groups.js';
import type { SandboxLimits, SandboxRun } from '../sandbox.js';
import type { Mount, Shown } from '../toolchains.js';
import { type BubblewrapFeatures, bubblewrapArguments, WORK_FOLDER } from './bubblewrap.js';

/** Programs of this machine that a run is started with, by their paths. */
export interface Tools {
  readonly prlimit: string;
  readonly setpriv: string;
  readonly env: string;
}

/** An installed bubblewrap. */
export interface Bubblewrap {
  readonly program: string;
  readonly version: string;
  readonly features: BubblewrapFeatures;
}

/** Descriptors of the started process: the hand-shake, then those of bubblewrap and what stands before it. */
const FD = { handshake: 3, status: 4, passwd: 5, hosts: 6, guard: 7, seccomp: 8 } as const;

/** Says that it is ready, waits for the work folder to be filled, then becomes the limited program. Ends by itself when nobody answers. */
export const LAUNCHER =
  'exec 4>&- 5>&- 6>&- 7>&- 8>&-; umask 022; echo 1000 2>/dev/null >/proc/self/oom_score_adj; printf r >&3; read -r go <&3 || exit 125; exec "$@" 3>&-';

/**
 * Ends the whole group when secpi dies before it has said that all is well, which it does once the launcher is there. Until then the first process
 * inside waits for bubblewrap outside, and were that killed in this moment, for ever.
 */
const GUARD = '{ read -r well <&7 || kill -9 0; } </dev/null >/dev/null 2>&1 3>&- 4>&- 5>&- 6>&- 8>&- &';

/**
 * bubblewrap, in a memory group and with the limits that it can have itself. Its own process inside keeps them, and the program can only
 * lower them. A process that moves itself is moved at once; to move another one takes the kernel ten times as long as this shell.
 */
export function bubblewrapCommand(
  { program, features }: Bubblewrap,
  asRoot: boolean,
  filtered: boolean,
  mounts: readonly Mount[],
  { addressSpaceBytes, dataBytes }: SandboxLimits,
  group: MemoryGroup | null,
): readonly string[] {
  const fds = { ...FD, seccomp: filtered ? FD.seccomp : null };
  const before = [
    ...(group === null ? [] : ['echo 0 >"$0" || exit 125']),
    ...(addressSpaceBytes === null ? [] : [`ulimit -v ${Math.ceil(addressSpaceBytes / 1024)}`]),
    ...(dataBytes === null ? [] : [`ulimit -d ${Math.ceil(dataBytes / 1024)}`]),
    'ulimit -c 0',
  ];
  return [
    ...['/bin/sh', '-c', `${GUARD} ${[...before, 'exec "$@" 7<&-'].join('; ')}`, group?.entrance ?? 'sh'],
    ...[program, ...bubblewrapArguments(asRoot, features, mounts, fds)],
  ];
}

/** The program behind everything that takes rights away from it. */
export function limitedCommand(
  { prlimit, setpriv, env: envProgram }: Tools,
  limits: SandboxLimits,
  otherProcesses: number,
  uid: number | null,
  env: Readonly<Record<string, string>>,
  argv: readonly string[],
): readonly string[] {
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
    `--nproc=${limits.processes + otherProcesses}`,
    ...['--nofile=512', '--core=0', '--memlock=0', '--msgqueue=0', '--', envProgram, '-i'],
    ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
    ...argv,
  ];
}

/** A run's program and arguments, checked, with the making of the seed links before it. That may fail: a cold cache is slow, not wrong. */
export function programOf(argv: readonly string[], shown: Shown | null, isolated: boolean): readonly string[] {
  const program = argv[0] ?? '';
  if (program === '' || program.startsWith('-') || program.includes('=') || argv.some((part) => part.includes('\0'))) {
    throw new TypeError(`not a command: ${JSON.stringify(argv)}`);
  }
  const seed = shown?.seed;
  if (!seed) return argv;
  const mount = shown.mounts.find(({ to }) => to === seed.from);
  const from = isolated ? seed.from : mount?.from;
  return ['/bin/sh', '-c', `cp -rs "$0" "$${seed.variable}" 2>/dev/null; exec "$@"`, from ?? seed.from, ...argv];
}

/** The whole environment of a run's program. */
export function environmentOf(
  shown: Shown | null,
  run: SandboxRun,
  home: string,
  temporary: string,
): Readonly<Record<string, string>> {
  for (const name of Object.keys(run.env ?? {})) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new TypeError(`not a variable name: ${name}`);
  }
  const scratch = Object.entries(shown?.scratch ?? {}).map(([name, path]) => [name, join(temporary, path)]);
  // LeakSanitizer traces the program. No resource limit of a process fits AddressSanitizer.
  const leaks = run.trace === true ? '' : 'detect_leaks=0:';
  return {
    PATH: [...(shown?.path ?? []), '/usr/local/bin', '/usr/bin', '/bin'].join(':'),
    HOME: home,
    TMPDIR: temporary,
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    ASAN_OPTIONS: `${leaks}hard_rss_limit_mb=1024`,
    ...shown?.env,
    ...Object.fromEntries(scratch),
    ...run.env,
  };
}

/** The files that bubblewrap lays into /etc. */
export function passwdFor(uid: number): string {
  return `sandbox:x:${uid}:${uid}::${WORK_FOLDER}:/bin/sh\n`;
}
export const HOSTS = '127.0.0.1 localhost sandbox\n::1 localhost\n';
