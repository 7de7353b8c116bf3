import { readdirSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { packageRoot } from '../../src/base/package-root.js';

export interface CliResult {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

const source = join(packageRoot, 'src', 'cli', 'main.ts');
const built = join(packageRoot, 'bin', 'secpi.js');

/** Program and first arguments that start the real command line: the build where it is current, else the source. */
export function cliCommand(): readonly [string, ...string[]] {
  return buildIsCurrent()
    ? [process.execPath, built]
    : [process.execPath, '--import', import.meta.resolve('tsx'), source];
}

let current: boolean | undefined;

function buildIsCurrent(): boolean {
  current ??= newest(join(packageRoot, 'src')) < (modified(join(packageRoot, 'dist', '.tsbuildinfo')) ?? 0);
  return current;
}

function newest(folder: string): number {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.ts'));
  return Math.max(...files.map((entry) => modified(join(entry.parentPath, entry.name)) ?? 0));
}

function modified(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}

/** The environment of a command line under test: nothing of the person who runs the tests but the search path. */
export function cliEnvironment(folder: string, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { PATH: process.env.PATH ?? '/usr/bin:/bin', HOME: folder, TZ: 'UTC', ...more };
}

/** Runs secpi in a folder and waits for its end. Output is not a terminal. */
export async function runCli(
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> },
): Promise<CliResult> {
  const [program, ...first] = cliCommand();
  const { exitCode, stdout, stderr } = await execa(program, [...first, ...args], {
    cwd: options.cwd,
    env: cliEnvironment(options.cwd, options.env),
    extendEnv: false,
    stdin: 'ignore',
    reject: false,
    timeout: 50_000,
  });
  return { exitCode, stdout, stderr };
}

/** The lines of `--json` output. */
export function jsonLines(text: string): readonly Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** An empty folder, gone at the end of the scope: `await using folder = await temporaryFolder()`. */
export async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'secpi-cli-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
