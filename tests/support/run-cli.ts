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

/** Program and first arguments that start the real command line; `current-build.ts` has built it. */
export function cliCommand(): readonly [string, ...string[]] {
  return [process.execPath, join(packageRoot, 'bin', 'secpi.js')];
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
