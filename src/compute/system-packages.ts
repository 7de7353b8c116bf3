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

/** Which programs are missing here, and how this system would install them. Installs nothing. */
export async function checkSystemPackages(): Promise<SystemPackages> {
  const missing: Wanted[] = [];
  for (const candidate of wanted) if (!(await onPath(candidate.program))) missing.push(candidate);
  const manager = missing.length === 0 ? undefined : await packageManager();
  return {
    missing: missing.map(({ program, purpose }) => ({ program, purpose })),
    installCommand:
      manager === undefined
        ? undefined
        : [...(isRoot() || manager === 'brew' ? [] : ['sudo']), ...installArgv(manager, missing)].join(' '),
  };
}

/** Installs what is missing when that needs no question (root, or sudo without a password); says what it does. */
export async function installSystemPackages(say: (line: string) => void): Promise<SystemPackages> {
  const before = await checkSystemPackages();
  const manager = before.missing.length === 0 ? undefined : await packageManager();
  if (manager === undefined) return before;
  const prefix = isRoot() || manager === 'brew' ? [] : ['sudo', '-n'];
  if (prefix.length > 0 && (await execa('sudo', ['-n', 'true'], { reject: false, stdin: 'ignore' })).exitCode !== 0)
    return before;
  const programs = wanted.filter((candidate) => before.missing.some(({ program }) => program === candidate.program));
  const run = async (argv: readonly string[]) => {
    const [file = '', ...args] = [...prefix, ...argv];
    say(`running ${[file, ...args].join(' ')}`);
    return execa(file, args, { reject: false, stdin: 'ignore', env: { DEBIAN_FRONTEND: 'noninteractive' } });
  };
  if (manager === 'apt-get') await run(['apt-get', 'update']);
  await run(installArgv(manager, programs));
  return checkSystemPackages();
}

function installArgv(manager: Manager, programs: readonly Wanted[]): readonly string[] {
  const packages = [...new Set(programs.map((program) => program.packages[manager]))].filter((name) => name !== '');
  return [manager, ...installArguments[manager], ...packages];
}

async function packageManager(): Promise<Manager | undefined> {
  for (const manager of Object.keys(installArguments) as Manager[]) if (await onPath(manager)) return manager;
  return undefined;
}

async function onPath(program: string): Promise<boolean> {
  const result = await execa('sh', ['-c', 'command -v "$1"', 'sh', program], { reject: false, stdin: 'ignore' });
  return result.exitCode === 0;
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}
