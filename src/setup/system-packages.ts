import { execa } from 'execa';

/** A program secpi wants from the system, and what it is for. */
interface Wanted {
  readonly program: string;
  readonly purpose: string;
  readonly packages: Readonly<Record<Manager, string>>;
}

type Manager = 'apt-get' | 'dnf' | 'pacman' | 'apk' | 'brew';

const wanted: readonly Wanted[] = [
  {
    program: 'bwrap',
    purpose: 'the sandbox that model-written code runs in',
    packages: { 'apt-get': 'bubblewrap', dnf: 'bubblewrap', pacman: 'bubblewrap', apk: 'bubblewrap', brew: '' },
  },
  {
    program: 'gcc',
    purpose: 'scoring C',
    packages: { 'apt-get': 'gcc', dnf: 'gcc', pacman: 'gcc', apk: 'build-base', brew: 'gcc' },
  },
  {
    program: 'g++',
    purpose: 'scoring C++',
    packages: { 'apt-get': 'g++', dnf: 'gcc-c++', pacman: 'gcc', apk: 'build-base', brew: 'gcc' },
  },
  {
    program: 'go',
    purpose: 'scoring Go',
    packages: { 'apt-get': 'golang-go', dnf: 'golang', pacman: 'go', apk: 'go', brew: 'go' },
  },
];

const installArguments: Readonly<Record<Manager, readonly string[]>> = {
  'apt-get': ['install', '-y', '--no-install-recommends'],
  dnf: ['install', '-y'],
  pacman: ['-S', '--noconfirm', '--needed'],
  apk: ['add'],
  brew: ['install'],
};

export interface MissingProgram {
  readonly program: string;
  readonly purpose: string;
}

/** The outcome of looking for system packages: what is still missing and the one command that would bring it. */
export interface SystemPackages {
  readonly missing: readonly MissingProgram[];
  readonly installCommand: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Which programs are missing here, and how this system would install them. Installs nothing. */
export async function checkSystemPackages(environment: Environment): Promise<SystemPackages> {
  const missing: Wanted[] = [];
  for (const candidate of wanted) if (!(await onPath(candidate.program, environment))) missing.push(candidate);
  const manager = missing.length === 0 ? undefined : await packageManager(environment);
  const argv = manager === undefined ? undefined : installArgv(manager, missing);
  return {
    missing: missing.map(({ program, purpose }) => ({ program, purpose })),
    installCommand: argv && [...(isRoot() || manager === 'brew' ? [] : ['sudo']), ...argv].join(' '),
  };
}

/** Installs what is missing when that needs no question (root, or sudo without a password); says what it does. */
export async function installSystemPackages(
  say: (line: string) => void,
  environment: Environment,
): Promise<SystemPackages> {
  const before = await checkSystemPackages(environment);
  const manager = before.missing.length === 0 ? undefined : await packageManager(environment);
  const programs = wanted.filter((candidate) => before.missing.some(({ program }) => program === candidate.program));
  const argv = manager === undefined ? undefined : installArgv(manager, programs);
  if (argv === undefined) return before;
  const run = async (command: readonly string[]) => {
    const [file = '', ...args] = command;
    const env = { ...environment, DEBIAN_FRONTEND: 'noninteractive' };
    return execa(file, args, { env, extendEnv: false, reject: false, stdin: 'ignore' });
  };
  const prefix = isRoot() || manager === 'brew' ? [] : ['sudo', '-n'];
  if (prefix.length > 0 && (await run([...prefix, 'true'])).exitCode !== 0) return before;
  for (const command of manager === 'apt-get' ? [['apt-get', 'update'], argv] : [argv]) {
    say(`running ${[...prefix, ...command].join(' ')}`);
    await run([...prefix, ...command]);
  }
  return checkSystemPackages(environment);
}

/** The command that installs these programs, or `undefined` where none of them has a package. */
function installArgv(manager: Manager, programs: readonly Wanted[]): readonly string[] | undefined {
  const packages = [...new Set(programs.map((program) => program.packages[manager]))].filter((name) => name !== '');
  return packages.length === 0 ? undefined : [manager, ...installArguments[manager], ...packages];
}

async function packageManager(environment: Environment): Promise<Manager | undefined> {
  for (const manager of Object.keys(installArguments) as Manager[])
    if (await onPath(manager, environment)) return manager;
  return undefined;
}

async function onPath(program: string, environment: Environment): Promise<boolean> {
  const env = { PATH: environment.PATH };
  const look = ['-c', 'command -v "$1"', 'sh', program];
  return (await execa('/bin/sh', look, { env, extendEnv: false, reject: false, stdin: 'ignore' })).exitCode === 0;
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}
