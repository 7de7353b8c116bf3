import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ulid } from 'ulid';
import { SecpiError } from '../../base/errors.js';
import { makeDirectory } from '../../base/files/durable-directory.js';
import { readIfThere } from '../../base/files/if-there.js';
import { packageRoot } from '../../base/package-root.js';
import { coverDescriptors, inheritedDescriptors } from '../../base/processes/inherited-descriptors.js';
import { type RunRecord, readRun } from '../../engine/runs/run-record.js';
import { prepareStateDirectory } from '../../engine/state-directory.js';
import type { CliEnvironment } from '../environment.js';
import type { OutputOptions } from '../recipes/run-options.js';

export interface BackgroundRun {
  /** Of `secpi`, without what is said here. */
  readonly arguments: readonly string[];
  readonly options: OutputOptions;
  readonly workingDirectory: string;
}

/** What its process prints, in the run's folder. */
export const OUTPUT = 'output.log';

const LOOK_EVERY_MS = 50;

/**
 * Begins a run in a process of its own: own session, no terminal, its words in a file of the run's folder. Resolves once there is a run
 * that others can see, or, when it could not begin, to the exit code after its own words for that were shown. Nothing is left then.
 *
 * @throws SecpiError `cli/not-begun` when it ended without a word; the signal's reason, and there is no run.
 */
export async function beginInBackground(
  { arguments: words, options, workingDirectory }: BackgroundRun,
  environment: CliEnvironment,
  signal: AbortSignal,
): Promise<RunRecord | number> {
  const { state, stdout, stderr, variables } = environment;
  const run = ulid();
  const folder = state.run(run);
  const log = join(folder, OUTPUT);
  await prepareStateDirectory(state);
  await makeDirectory(folder);
  const shown = (['json', 'quiet', 'verbose'] as const).filter((name) => options[name] === true);
  const argv = [
    ...process.execArgv,
    ...[join(packageRoot, 'bin', 'secpi.js'), ...words, '--background', run],
    ...shown.map((name) => `--${name}`),
  ];
  signal.throwIfAborted();
  const child = startAlone(argv, log, { cwd: workingDirectory, env: { ...variables, SECPI_HOME: state.root } });
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  let isOver = false;
  ended.then(
    () => {
      isOver = true;
    },
    () => {
      isOver = true;
    },
  );
  let wasTold = false;
  for (;;) {
    // Asked before looking: what has ended since may have begun before.
    const wasOver = isOver;
    const record = await readRun(state, run);
    if (record !== undefined && !wasTold) {
      child.unref();
      return record;
    }
    if (wasOver) break;
    if (signal.aborted && !wasTold) {
      // Once: a second one would end it without saving anything.
      wasTold = true;
      child.kill('SIGTERM');
    }
    await sleep(LOOK_EVERY_MS);
  }
  const text = (await readIfThere(log)) ?? '';
  // One that was told to end after it had begun is a run, which says so itself.
  if ((await readRun(state, run)) === undefined) await rm(folder, { recursive: true, force: true });
  signal.throwIfAborted();
  const [exitCode, killedBy] = await ended;
  if (exitCode === null || exitCode === 0 || text === '') {
    throw new SecpiError('cli/not-begun', `the run ended before it had begun (${killedBy ?? exitCode})${said(text)}`, {
      hint: 'Without --detach it says more.',
    });
  }
  (options.json === true ? stdout : stderr).write(text);
  return exitCode;
}

function said(text: string): string {
  return text === '' ? '' : `:\n${text.trimEnd()}`;
}

/**
 * Not with `child-process.ts`, whose children end with their parent. This one holds nothing of the parent's: whoever waits for the
 * end of its output, as ssh does, is not kept waiting by the run.
 */
function startAlone(
  argv: readonly string[],
  log: string,
  { cwd, env }: { readonly cwd: string; readonly env: CliEnvironment['variables'] },
): ChildProcess {
  const [output, nothing] = [openSync(log, 'a', 0o600), openSync('/dev/null', 'r')];
  try {
    const own: readonly ('ignore' | number)[] = ['ignore', output, output];
    const stdio = coverDescriptors(own, inheritedDescriptors('/proc/self'), nothing);
    return spawn(process.execPath, argv, { cwd, env, stdio, detached: true });
  } finally {
    closeSync(output);
    closeSync(nothing);
  }
}
