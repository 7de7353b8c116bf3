import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { messageOf, SecpiError } from '../base/errors.js';
import { askProgram } from '../base/processes/ask-program.js';
import { findMemoryGroups, type MemoryGroups } from './memory/groups.js';
import { type Pack, packIdentities, readPacks, withPacks } from './packs.js';
import { featuresOf } from './runs/bubblewrap.js';
import { PlainPipes } from './runs/plain-pipes.js';
import { type Machine, runInSandbox } from './runs/sandbox-run.js';
import { seccompFilter } from './runs/seccomp.js';
import {
  LANGUAGES,
  type Language,
  MAY_END_LATER,
  type MemoryKeeper,
  type Sandbox,
  type SandboxLevel,
} from './sandbox.js';
import { findProgram, findToolchains, SYSTEM_PATH, type Toolchain } from './toolchains.js';

export interface OpenSandboxOptions {
  /** Run without any isolation when bubblewrap does not work here. Only when a person said so in words. */
  readonly allowNone?: boolean;
  /** The bubblewrap program; by default it is looked up. */
  readonly bubblewrap?: string;
  /** Where programs are looked up; default `$PATH`. */
  readonly path?: string;
  /** Where things that take long to make are kept; default `$SECPI_CACHE` or `secpi` in the user's cache. */
  readonly cacheFolder?: string;
  /** Offer only these; default all. Fewer open faster. */
  readonly languages?: readonly Language[];
  /** Let the kernel hold runs to their memory where it does that for this user; default true. */
  readonly memoryGroups?: boolean;
}

/**
 * Opens the sandbox of this machine: finds bubblewrap and the toolchains and runs each once inside.
 *
 * @throws SecpiError `sandbox/unavailable` when code cannot be isolated here and `allowNone` is not set.
 */
export async function openSandbox(options: OpenSandboxOptions = {}): Promise<Sandbox> {
  if (process.platform !== 'linux') {
    throw new SecpiError('sandbox/unavailable', 'Untrusted code can only be run on Linux.', {
      hint: 'Run secpi in a Linux machine or virtual machine.',
    });
  }
  const asRoot = process.getuid?.() === 0;
  const tools = {
    prlimit: needed('prlimit'),
    setpriv: needed('setpriv'),
    env: needed('env'),
    mkfifo: needed('mkfifo'),
  };
  const path = options.path ?? process.env.PATH ?? SYSTEM_PATH;
  const program = options.bubblewrap ?? findProgram('bwrap', SYSTEM_PATH) ?? findProgram('bwrap', path);
  const version = program === null ? null : numberIn((await askProgram([program, '--version'], {})) ?? '');
  const features = version === null ? null : featuresOf(version);
  const bubblewrap = program === null || version === null || features === null ? null : { program, version, features };
  const plain = seccompFilter(process.arch);
  const trace = seccompFilter(process.arch, { trace: true });
  const wanted: Machine = {
    bubblewrap,
    asRoot,
    tools,
    pipes: new PlainPipes(),
    seccomp: plain === null || trace === null ? null : { plain, trace },
    groups: bubblewrap === null || options.memoryGroups === false ? null : memoryGroups(),
    otherProcesses: sharedProcessCount(asRoot),
  };
  const { machine, problem } =
    bubblewrap === null ? { machine: wanted, problem: missing(version) } : await checked(wanted);
  if (problem !== null && options.allowNone !== true) {
    throw new SecpiError('sandbox/unavailable', `Untrusted code cannot be isolated on this machine: ${problem}.`, {
      hint: bubblewrap === null ? INSTALL_HINT : userNamespaceHint(asRoot),
    });
  }
  const used: Machine = problem === null ? machine : { ...machine, bubblewrap: null };
  const languages = options.languages ?? LANGUAGES;
  const found = (await findToolchains(path)).filter((toolchain) => languages.includes(toolchain.language));
  const versions = await Promise.all(found.map((toolchain) => versionInside(used, toolchain)));
  const toolchains: Partial<Record<Language, string>> = {};
  const usable = new Map<Language, Toolchain>();
  found.forEach((toolchain, index) => {
    const version = versions[index];
    if (version === null || version === undefined) return;
    toolchains[toolchain.language] = version;
    usable.set(toolchain.language, toolchain);
  });
  // Without isolation there is nowhere to show them.
  const cache = options.cacheFolder ?? userCache();
  const packs = used.bubblewrap === null || cache === null ? new Map<string, Pack>() : readPacks(cache);
  const preparing = new Map<Language, Promise<Toolchain>>();
  const prepared = (language: Language): Promise<Toolchain> => {
    const toolchain = usable.get(language);
    if (toolchain === undefined) {
      throw new SecpiError('sandbox/no-toolchain', `There is no ${language} toolchain in this sandbox.`);
    }
    const promise = preparing.get(language) ?? toolchain.prepare?.(cache ?? noCache()) ?? Promise.resolve(toolchain);
    preparing.set(language, promise);
    promise.catch(() => preparing.delete(language));
    return promise;
  };
  const packNamed = (name: string): Pack => {
    const pack = packs.get(name);
    if (pack !== undefined) return pack;
    throw new SecpiError('sandbox/no-pack', `There is no pack ${name} in this sandbox.`, {
      hint: 'Set it up where the code is run.',
    });
  };
  return {
    level: levelOf(used),
    toolchains,
    packs: packIdentities(packs),
    run: async (run, signal) => {
      const toolchain = run.toolchain === null ? null : await unlessAborted(prepared(run.toolchain), signal);
      return runInSandbox(used, withPacks(toolchain, (run.packs ?? []).map(packNamed)), run, signal);
    },
    prepare: async (language) => {
      await prepared(language);
    },
  };
}

function userCache(): string | null {
  const { SECPI_CACHE, XDG_CACHE_HOME, HOME } = process.env;
  if (SECPI_CACHE?.startsWith('/')) return SECPI_CACHE;
  if (XDG_CACHE_HOME?.startsWith('/')) return join(XDG_CACHE_HOME, 'secpi');
  if (HOME?.startsWith('/')) return join(HOME, '.cache', 'secpi');
  return null;
}

function noCache(): never {
  throw new SecpiError('sandbox/no-cache-folder', 'There is no folder for compiled libraries: HOME is not set.', {
    hint: 'Set HOME or XDG_CACHE_HOME.',
  });
}

/** The promise's value, or the signal's reason as soon as it is aborted. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let abort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
  });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', abort));
}

const INSTALL_HINT =
  'Install bubblewrap: apt install bubblewrap (Debian, Ubuntu), dnf install bubblewrap (Fedora, RHEL), ' +
  'pacman -S bubblewrap (Arch), apk add bubblewrap (Alpine), zypper install bubblewrap (openSUSE).';

function missing(version: string | null): string {
  return version === null ? 'bubblewrap is not installed' : `bubblewrap ${version} is too old, 0.5 is needed`;
}

function needed(name: string): string {
  const program = findProgram(name, SYSTEM_PATH);
  if (program !== null) return program;
  throw new SecpiError('sandbox/unavailable', `The program ${name} is missing; the sandbox limits code with it.`, {
    hint: 'Install util-linux and coreutils.',
  });
}

let groups: MemoryGroups | null | undefined;

/** One store of them for all sandboxes. */
function memoryGroups(): MemoryGroups | null {
  if (groups === undefined) groups = findMemoryGroups();
  return groups;
}

/** The machine as it works: without the kernel's groups where processes cannot be moved into them. */
async function checked(machine: Machine): Promise<{ readonly machine: Machine; readonly problem: string | null }> {
  const problem = await checkWorks(machine);
  if (problem === null || machine.groups === null) return { machine, problem };
  const without = { ...machine, groups: null };
  return { machine: without, problem: await checkWorks(without) };
}

/** One run through everything: `null` when it works, else what went wrong. */
async function checkWorks(machine: Machine): Promise<string | null> {
  try {
    const run = await runInSandbox(
      machine,
      null,
      {
        toolchain: null,
        argv: ['sh', '-c', 'cat in && id -u && pwd && echo out >out && ls /root /home 2>/dev/null'],
        files: [{ path: 'in', content: 'in\n' }],
        collect: ['out'],
        limits: { wallSeconds: 20 },
      },
      AbortSignal.timeout(30_000),
    );
    const lines = run.stdout.split('\n');
    const out = run.collected.out;
    if (lines[0] !== 'in' || lines[1] === undefined || lines[1] === '0' || lines[2] !== '/box' || lines[3] !== '') {
      return `a test run inside it failed: ${run.stderr.trim() || JSON.stringify(run.ending)}`;
    }
    if (out === undefined || 'missing' in out) return 'what a run writes cannot be read back';
    return null;
  } catch (error) {
    return messageOf(error).replace(/\.$/, '');
  }
}

async function versionInside(machine: Machine, toolchain: Toolchain): Promise<string | null> {
  const run = await runInSandbox(
    machine,
    toolchain,
    { toolchain: toolchain.language, argv: toolchain.versionCommand, files: [] },
    AbortSignal.timeout(60_000),
  );
  if (run.ending.how !== 'exited' || run.ending.exitCode !== 0) return null;
  return numberIn(run.stdout);
}

function numberIn(text: string): string | null {
  return /\d+(\.\d+)+/.exec(text)?.[0] ?? null;
}

function levelOf(machine: Machine): SandboxLevel {
  if (machine.bubblewrap === null) {
    return {
      kind: 'none',
      version: '',
      network: 'host',
      seccomp: false,
      unprivileged: true,
      memory: 'per-process',
      notes: [
        'no isolation: code sees this machine, its files and its network',
        'what leaves its process group may survive the run',
        MEMORY_NOTES['per-process'],
      ],
    };
  }
  const { version, features } = machine.bubblewrap;
  return {
    kind: 'bubblewrap',
    version,
    network: 'none',
    seccomp: machine.seccomp !== null,
    unprivileged: true,
    memory: keeperOf(machine),
    notes: [
      MEMORY_NOTES[keeperOf(machine)],
      'kernel shared with the host',
      ...(mayProtect(machine) ? [] : [MAY_END_LATER]),
      ...(features.sizes ? [] : ['space in memory: not limited (bubblewrap before 0.7)']),
      ...(machine.seccomp === null ? [`system calls: not filtered on ${process.arch}`] : []),
      ...(machine.otherProcesses > 0 ? ['process limit: counted over all processes of this user'] : []),
    ],
  };
}

const MEMORY_NOTES: Readonly<Record<MemoryKeeper, string>> = {
  cgroup: 'memory limit: of the whole run, by the kernel',
  watched: 'memory limit: of the whole run, looked at all the time, without what the kernel holds for it',
  'per-process': 'memory limit: per process',
};

/** Whether secpi may say that nothing in a run lets others be ended first: CAP_SYS_RESOURCE, which many containers lack. */
function mayProtect({ asRoot }: Machine): boolean {
  const effective = /^CapEff:\t([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return asRoot && ((BigInt(`0x${effective}`) >> 24n) & 1n) === 1n;
}

function keeperOf({ bubblewrap, groups }: Machine): MemoryKeeper {
  if (bubblewrap === null) return 'per-process';
  return groups === null ? 'watched' : 'cgroup';
}

/** Kernels before 5.14 count a user's processes over all user namespaces: leave room for those outside. */
function sharedProcessCount(asRoot: boolean): number {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return asRoot || major > 5 || (major === 5 && minor >= 14) ? 0 : 4096;
}

function userNamespaceHint(asRoot: boolean): string {
  const settings: [path: string, blocked: string, fix: string][] = [
    ['kernel/unprivileged_userns_clone', '0', 'sysctl -w kernel.unprivileged_userns_clone=1'],
    ['kernel/apparmor_restrict_unprivileged_userns', '1', 'sysctl -w kernel.apparmor_restrict_unprivileged_userns=0'],
    ['user/max_user_namespaces', '0', 'sysctl -w user.max_user_namespaces=15000'],
  ];
  const blocked = settings.filter(([path, value]) => readSetting(path) === value);
  if (!asRoot && blocked.length > 0) {
    return `This kernel does not let ordinary users make namespaces. As root: ${blocked.map(([, , fix]) => fix).join('; ')}.`;
  }
  return asRoot
    ? 'In a container, bubblewrap needs the right to mount: start the container with --privileged, or run as an ordinary user.'
    : 'Try `bwrap --unshare-all --ro-bind / / true` to see what this machine forbids.';
}

function readSetting(path: string): string | null {
  try {
    return readFileSync(`/proc/sys/${path}`, 'utf8').trim();
  } catch {
    return null;
  }
}
