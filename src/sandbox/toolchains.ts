/** Which languages this machine can run, and what of it must be visible inside a sandbox for that. */
import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { startProcess } from '../base/child-process.js';
import { LANGUAGES, type Language } from './sandbox.js';

/** A part of the host shown read-only inside. */
export interface Mount {
  readonly from: string;
  readonly to: string;
}

export interface Toolchain {
  readonly language: Language;
  /** Searched first inside the sandbox. */
  readonly path: readonly string[];
  /** Beyond the base system, which is always there. */
  readonly mounts: readonly Mount[];
  readonly env: Readonly<Record<string, string>>;
  /** Prints the version as the last word-like number of its output. */
  readonly versionCommand: readonly string[];
}

/** Finds the toolchains of this machine; `path` is the search path (`$PATH`). */
export async function findToolchains(path: string): Promise<readonly Toolchain[]> {
  const found = await Promise.all(LANGUAGES.map((language) => FINDERS[language](path)));
  return found.filter((toolchain) => toolchain !== null);
}

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
    env: { PYTHONDONTWRITEBYTECODE: '1' },
    versionCommand: ['python3', '--version'],
  };
  if (isProgram('/usr/bin/python3')) return { ...toolchain, path: [], mounts: [] };
  // Shims and virtual environments point elsewhere: ask the interpreter itself.
  const program = findProgram('python3', path);
  const prefix = program && (await firstLine([program, '-I', '-c', 'import sys; print(sys.base_prefix)'], path));
  if (!prefix || !isProgram(join(prefix, 'bin/python3'))) return null;
  return { ...toolchain, path: [join(prefix, 'bin')], mounts: outsideUsr(prefix) };
}

async function findNode(): Promise<Toolchain | null> {
  const program = realpathSync(process.execPath);
  const inUsr = program.startsWith('/usr/');
  return {
    language: 'javascript',
    path: [inUsr ? dirname(program) : '/opt/node/bin'],
    mounts: inUsr ? [] : [{ from: program, to: '/opt/node/bin/node' }],
    env: {},
    versionCommand: ['node', '--version'],
  };
}

async function findCompiler(language: 'c' | 'cpp', name: string, path: string): Promise<Toolchain | null> {
  const program = findProgram(name, path);
  if (program === null || !realpathSync(program).startsWith('/usr/')) return null;
  return {
    language,
    path: [dirname(program)].filter((folder) => folder.startsWith('/usr/')),
    mounts: [],
    env: {},
    versionCommand: [name, '-dumpfullversion'],
  };
}

async function findGo(path: string): Promise<Toolchain | null> {
  const program = findProgram('go', path);
  const root = program && (await firstLine([program, 'env', 'GOROOT'], path));
  if (!root || !isProgram(join(root, 'bin/go'))) return null;
  return {
    language: 'go',
    path: [join(root, 'bin')],
    mounts: outsideUsr(root),
    env: {
      GOROOT: root,
      GOPATH: '/tmp/go',
      GOCACHE: '/tmp/go-build',
      GOFLAGS: '-mod=mod',
      GOPROXY: 'off',
      GOTOOLCHAIN: 'local',
      GOTELEMETRY: 'off',
      CGO_ENABLED: '0',
    },
    versionCommand: ['go', 'env', 'GOVERSION'],
  };
}

function outsideUsr(folder: string): readonly Mount[] {
  return folder === '/usr' || folder.startsWith('/usr/') ? [] : [{ from: folder, to: folder }];
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

async function firstLine(argv: readonly string[], path: string): Promise<string | null> {
  const asked = await startProcess({
    argv,
    cwd: '/',
    env: { PATH: path, HOME: process.env.HOME ?? '/', GOTELEMETRY: 'off', GOTOOLCHAIN: 'local' },
    stdout: { capture: { limitBytes: 4096, overflow: 'stop' } },
    timeoutSeconds: 20,
    graceSeconds: 0,
  });
  const { exitCode, stdout } = await asked.exited;
  const line = stdout.split('\n', 1)[0]?.trim() ?? '';
  return exitCode === 0 && line.startsWith('/') ? line : null;
}
