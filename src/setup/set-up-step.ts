import { execa } from 'execa';
import { SecpiError } from '../base/errors.js';

/** What a program that installs something is started with. */
export interface SetUpContext {
  /** What it sees: `PATH`, and what pip or uv are configured with. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Progress, one line at a time. */
  readonly say: (line: string) => void;
}

/**
 * Runs one step of the set-up; shows which package it is at. Whatever is secret stands in the environment, never in `argv`.
 *
 * @throws SecpiError `python/set-up-failed` with the end of its output.
 */
export async function runStep(argv: readonly string[], { environment, say }: SetUpContext): Promise<void> {
  const [file = '', ...args] = argv;
  const tail: string[] = [];
  const child = execa(file, args, { ...inside(environment), all: true, reject: false, buffer: false });
  for await (const line of child.iterable({ from: 'all' })) {
    tail.push(line);
    if (tail.length > 15) tail.shift();
    const step = /^(?:Collecting|Downloading|Installing collected packages|Prepared|Installed)\b.*/.exec(
      line.trim(),
    )?.[0];
    if (step !== undefined) say(`  ${step.length > 100 ? `${step.slice(0, 100)}…` : step}`);
  }
  const result = await child;
  if (result.exitCode === 0) return;
  throw new SecpiError('python/set-up-failed', `\`${[file, ...args].join(' ')}\` failed:\n${tail.join('\n')}`, {
    hint: 'Is there a network, or a package index that pip is configured with? The set-up can be started again at any time. `SECPI_INSTALLER=pip` does without uv.',
    cause: result.cause,
  });
}

/** What a program prints, or `undefined` when it is missing or fails. */
export async function answerOf(
  argv: readonly string[],
  { environment }: Pick<SetUpContext, 'environment'>,
): Promise<string | undefined> {
  const [file = '', ...args] = argv;
  const { exitCode, stdout } = await execa(file, args, { ...inside(environment), reject: false });
  return exitCode === 0 ? stdout : undefined;
}

/** How programs are started here: with the environment that was given, and nothing to type into. */
function inside(environment: SetUpContext['environment']) {
  return { env: { ...environment }, extendEnv: false, stdin: 'ignore' } as const;
}
