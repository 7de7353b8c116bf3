/** Which languages this machine can run, and what of it must be visible inside a sandbox for that. */
import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { askProgram } from '../base/processes/ask-program.js';
import { GO_BUILD_ENV, warmGoCache } from './go-cache.js';
import { isInBase } from './runs/base-system.js';
import { LANGUAGES, type Language } from './sandbox.js';

/** Programs of the base system; looked up here and not in `$PATH`, which may hold anything. */
export const SYSTEM_PATH = '/usr/bin:/bin:/usr/sbin:/sbin';

/** A part of the host shown read-only inside. */
export interface Mount {
  readonly from: string;
  readonly to: string;
}

/** What a run is shown beyond the base system. */
export interface Shown {
  /** Searched first inside the sandbox. */
  readonly path: readonly string[];
  /** Beyond the base system, which is always there. */
  readonly mounts: readonly Mount[];
  readonly env: Readonly<Record<string, string>>;
  /** Variables that name private folders, by their name below the run's temporary folder. */
  readonly scratch: Readonly<Record<string, string>>;
  /** A folder of links is made of this one, under the path that the variable names, before the program starts. */
  readonly seed: { readonly variable: string; readonly from: string } | null;
}

export interface Toolchain extends Shown {
  readonly language: Language;
  /** Work to be done once before the first real run; gives the toolchain to use from then on. */
  readonly prepare: ((cacheFolder: string) => Promise<Toolchain>) | null;
  /** Prints the version as the last word-like number of its output. */
  readonly versionCommand: readonly string[];
}

/** Finds the toolchains of this machine; `path` is the search path (`$PATH`). */
export async function findToolchains(path: string): Promise<readonly Toolchain[]> {
  const found = await Promise.all(LANGUAGES.map((language) => FINDERS[language](path)));
  return found.filter((toolchain) => toolchain !== null);
}

const GO_CACHE_INSIDE = '/opt/go-build';

const PLAIN = { mounts: [], env: {}, scratch: {}, seed: null, prepare: null } as const;

const FINDERS: Readonly<Record<Language, (path: string) => Promise<Toolchain | null>>> = {
  python: findPython,
  javascript: findNode,
  c: (path) => findCompiler('c', 'gcc', path),
  cpp: (path) => findCompiler('cpp', 'g++', path),
  go: findGo,
};

async function findPython(path: string): Promise<Toolchain | null> {
  const toolchain = {
    language: 'python' as const,
    ...PLAIN,
    env: { PYTHONDONTWRITEBYTECODE: '1' },
    versionCommand: ['python3', '--version'],
  };
  if (isProgram('/usr/bin/python3')) return { ...toolchain, path: [], mounts: [] };
  // Shims and virtual environments point elsewhere: ask the interpreter itself.
  const program = findProgram('python3', path);
  const prefix = program && (await ask([program, '-I', '-c', 'import sys; print(sys.base_prefix)'], path));
  if (!prefix || !isProgram(join(prefix, 'bin/python3'))) return null;
  return { ...toolchain, path: [join(prefix, 'bin')], mounts: beyondBase(prefix) };
}

async function findNode(): Promise<Toolchain | null> {
  const program = realpathSync(process.execPath);
  const inBase = isInBase(program);
  return {
    ...PLAIN,
    language: 'javascript',
    path: [inBase ? dirname(program) : '/opt/node/bin'],
    mounts: inBase ? [] : [{ from: program, to: '/opt/node/bin/node' }],
    versionCommand: ['node', '--version'],
  };
}

async function findCompiler(language: 'c' | 'cpp', name: string, path: string): Promise<Toolchain | null> {
  const program = findProgram(name, path);
  if (program === null || !isInBase(realpathSync(program))) return null;
  return {
    ...PLAIN,
    language,
    path: [dirname(program)].filter(isInBase),
    versionCommand: [name, '-dumpfullversion'],
  };
}

async function findGo(path: string): Promise<Toolchain | null> {
  const program = findProgram('go', path);
  const root = program && (await ask([program, 'env', 'GOROOT'], path));
  if (!root || !isProgram(join(root, 'bin/go'))) return null;
  const toolchain: Toolchain = {
    ...PLAIN,
    language: 'go',
    path: [join(root, 'bin')],
    mounts: beyondBase(root),
    // The vet step of `go test` would compile facts about the whole standard library in every run.
    env: { ...GO_BUILD_ENV, GOROOT: root, GOMAXPROCS: '4', GOFLAGS: `${GO_BUILD_ENV.GOFLAGS} -vet=off` },
    scratch: { GOPATH: 'go', GOCACHE: 'go-build' },
    versionCommand: ['go', 'env', 'GOVERSION'],
  };
  const prepare = async (cacheFolder: string): Promise<Toolchain> => {
    const version = await ask([join(root, 'bin/go'), 'env', 'GOVERSION'], path);
    const cache = await warmGoCache(root, version ?? 'unknown', cacheFolder);
    const mounts = [...toolchain.mounts, { from: cache, to: GO_CACHE_INSIDE }];
    return { ...toolchain, mounts, seed: { variable: 'GOCACHE', from: GO_CACHE_INSIDE } };
  };
  return { ...toolchain, prepare };
}

/** Of `/usr` and `/usr/local` all that belongs to an installation is shown anyhow. */
function beyondBase(folder: string): readonly Mount[] {
  return ['/usr', '/usr/local'].includes(folder) || isInBase(folder) ? [] : [{ from: folder, to: folder }];
}

/** The first program of that name on a search path, or `null`. */
export function findProgram(name: string, path: string): string | null {
  for (const folder of path.split(delimiter)) {
    if (folder.startsWith('/') && isProgram(join(folder, name))) return join(folder, name);
  }
  return null;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return existsSync(path);
  } catch {
    return false;
  }
}

function ask(argv: readonly string[], path: string): Promise<string | null> {
  return askProgram(argv, { ...GO_BUILD_ENV, PATH: path, HOME: process.env.HOME ?? '/' });
}
