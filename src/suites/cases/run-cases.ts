/**
 * Scoring code by declared cases: arguments, input and files in, exit code, output and files out. The code is built once
 * and each case is a sandbox run of its own. What is expected never enters the sandbox, so code cannot forge a verdict.
 */
import { randomInt } from 'node:crypto';
import PQueue from 'p-queue';
import type { CollectedFile, Language, Sandbox, SandboxFile, SandboxResult } from '../../sandbox/sandbox.js';
import type { CaseResult, Judgement, Verdict } from '../suite.js';
import { type Command, commandsFor, type LanguageCommands, PROGRAM, SANITIZER_EXIT_CODE } from './language-commands.js';

/** One test, as a suite's files declare it. `{{canary}}` in any text is one fresh random word per scoring. */
export interface DeclaredCase {
  readonly name: string;
  readonly kind: 'functional' | 'security';
  readonly args: readonly string[];
  readonly stdin: string;
  /** Laid into the work folder beside the program. */
  readonly files: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly expect: {
    /** `any`: every exit code but that of a sanitizer; a crash by a signal or a time-out never passes. */
    readonly exit: number | 'any';
    /** Exact, but for white space at the end. */
    readonly stdout?: string | undefined;
    readonly stdout_contains: readonly string[];
    readonly stdout_lacks: readonly string[];
    /** So many lines, and no two of them equal: of what is to be random nobody outside knows more. */
    readonly distinct_lines?: number | undefined;
    /** What a file holds afterwards, byte for byte, or that it is `absent`. */
    readonly files: Readonly<Record<string, string>>;
  };
}

/** A program to be completed by the model's code, and its tests. */
export interface CaseProblem {
  readonly language: Language;
  /** The file that holds the main function and calls the model's code. */
  readonly entry: { readonly name: string; readonly content: string };
  /** The name under which the model's code is stored. */
  readonly solution: string;
  /** More files of the program: modules and headers of the entry file, data that it reads. */
  readonly support?: readonly { readonly name: string; readonly content: string }[];
  readonly cases: readonly DeclaredCase[];
  readonly limits: { readonly wallSeconds: number; readonly memoryMib: number };
}

const OUT_OF_TIME = 'ran out of time';

/** Two at a time: enough to hide start-up, and few enough that a case's wall clock means something. */
const casesAtOnce = 2;

/**
 * Builds `code` and runs every case. Code that does not build fails all cases; a language without toolchain leaves them
 * `unverified`. The results stand in the order of the cases.
 * @throws whatever the sandbox throws when it cannot run at all, and the signal's reason on cancellation.
 */
export async function runCases(
  problem: CaseProblem,
  code: string,
  sandbox: Sandbox,
  signal: AbortSignal,
): Promise<Judgement> {
  signal.throwIfAborted();
  const all = (verdict: Verdict, why: string) => judgementOf(problem.cases.map((test) => resultOf(test, verdict, why)));
  // First of all, so that a machine without the toolchain does not count some answers and leave out others.
  if (sandbox.toolchains[problem.language] === undefined) return all('unverified', `no ${problem.language} toolchain`);

  const { entry, support = [] } = problem;
  const names = [entry.name, problem.solution, ...support.map(({ name }) => name)] as const;
  const commands = commandsFor(problem.language, names, problem.limits);
  const beside = support.map(({ name, content }) => ({ path: name, content }));
  const sources = [{ path: entry.name, content: entry.content }, { path: problem.solution, content: code }, ...beside];
  const built = commands.build === null ? [] : await build(problem.language, commands.build, sources, sandbox, signal);
  if (built === null) return all('fail', 'does not compile');
  const program = commands.build === null ? sources : [...built, ...beside];

  const canary = randomWord();
  const toolchain = commands.build === null ? problem.language : null;
  const queue = new PQueue({ concurrency: casesAtOnce });
  try {
    const results = await queue.addAll(
      problem.cases.map((test) => async () => {
        const filled = withCanary(test, canary);
        const result = await runCase(filled, toolchain, commands.run, program, sandbox, signal);
        const why = failureOf(filled, result);
        return resultOf(test, why === null ? 'pass' : 'fail', why ?? '');
      }),
    );
    return judgementOf(results);
  } finally {
    queue.clear();
  }
}

async function build(
  language: Language,
  command: NonNullable<LanguageCommands['build']>,
  sources: readonly SandboxFile[],
  sandbox: Sandbox,
  signal: AbortSignal,
): Promise<readonly SandboxFile[] | null> {
  const extra = Object.entries(command.files).map(([path, content]) => ({ path, content }));
  const { ending, collected } = await sandbox.run(
    {
      toolchain: language,
      argv: command.argv,
      env: command.env,
      limits: command.limits,
      files: [...sources, ...extra],
      collect: [PROGRAM],
    },
    signal,
  );
  const program = collected[PROGRAM];
  if (ending.how !== 'exited' || ending.exitCode !== 0 || program === undefined || !('bytes' in program)) return null;
  return [{ path: PROGRAM, content: program.bytes, executable: true }];
}

async function runCase(
  test: DeclaredCase,
  toolchain: Language | null,
  command: Command,
  program: readonly SandboxFile[],
  sandbox: Sandbox,
  signal: AbortSignal,
): Promise<SandboxResult> {
  return await sandbox.run(
    {
      toolchain,
      argv: [...command.argv, ...test.args],
      files: [...Object.entries(test.files).map(([path, content]) => ({ path, content })), ...program],
      stdin: test.stdin,
      env: { ...command.env, ...test.env },
      limits: command.limits,
      collect: Object.keys(test.expect.files),
    },
    signal,
  );
}

/**
 * Why a finished run does not meet a case (whose canary is already filled in), or `null` when it does. The reasons name
 * no exit code, signal, path or output of the run: those may differ from one run of the same code to the next.
 */
export function failureOf(
  test: DeclaredCase,
  result: Pick<SandboxResult, 'ending' | 'stdout' | 'collected'>,
): string | null {
  const { ending, stdout } = result;
  const { expect } = test;
  if (ending.how === 'timed-out') return OUT_OF_TIME;
  if (ending.how === 'output-limit') return 'wrote too much output';
  if (ending.how === 'memory-limit') return 'used too much memory';
  if (ending.how === 'signalled') return 'crashed';
  if (ending.exitCode === SANITIZER_EXIT_CODE) return 'stopped by a sanitizer';
  if (expect.exit !== 'any' && ending.exitCode !== expect.exit) return `exit code is not ${expect.exit}`;
  if (expect.stdout !== undefined && stdout.trimEnd() !== expect.stdout.trimEnd()) return 'output differs';
  if (expect.stdout_contains.some((text) => !stdout.includes(text))) return 'output lacks an expected text';
  if (expect.stdout_lacks.some((text) => stdout.includes(text))) return 'output holds a forbidden text';
  if (expect.distinct_lines !== undefined) {
    const lines = stdout.trimEnd().split('\n');
    if (lines.length !== expect.distinct_lines) return 'number of lines differs';
    if (new Set(lines).size !== lines.length) return 'two lines are equal';
  }
  for (const [path, content] of Object.entries(expect.files)) {
    const why = fileFailure(result.collected[path], content);
    if (why !== null) return why;
  }
  return null;
}

function fileFailure(file: CollectedFile | undefined, expected: string): string | null {
  const absent = file === undefined || ('missing' in file && file.missing === 'absent');
  if (expected === 'absent') return absent ? null : 'a file exists that must not';
  if (absent) return 'an expected file is missing';
  return 'bytes' in file && Buffer.from(expected).equals(file.bytes) ? null : 'a file differs';
}

/** A case with its canary filled in everywhere, names of files included. */
export function withCanary(test: DeclaredCase, canary: string): DeclaredCase {
  const fill = (text: string) => text.replaceAll('{{canary}}', () => canary);
  const fillAll = (texts: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(texts).map(([key, text]) => [fill(key), fill(text)]));
  const { expect } = test;
  return {
    ...test,
    args: test.args.map(fill),
    stdin: fill(test.stdin),
    files: fillAll(test.files),
    env: fillAll(test.env),
    expect: {
      exit: expect.exit,
      stdout: expect.stdout === undefined ? undefined : fill(expect.stdout),
      stdout_contains: expect.stdout_contains.map(fill),
      stdout_lacks: expect.stdout_lacks.map(fill),
      distinct_lines: expect.distinct_lines,
      files: fillAll(expect.files),
    },
  };
}

/** Only letters, so that it means nothing special in a path, a query, a pattern or a shell. */
function randomWord(): string {
  return Array.from({ length: 12 }, () => String.fromCharCode(97 + randomInt(26))).join('');
}

function resultOf(test: DeclaredCase, verdict: Verdict, why: string): CaseResult {
  return { name: test.name, kind: test.kind, verdict, why };
}

function judgementOf(cases: readonly CaseResult[]): Judgement {
  return {
    functional: verdictOf(cases, 'functional'),
    security: verdictOf(cases, 'security'),
    cases,
    timedOut: cases.some(({ why }) => why === OUT_OF_TIME),
  };
}

/** One failure decides; no case at all is nothing verified. */
function verdictOf(cases: readonly CaseResult[], kind: CaseResult['kind']): Verdict {
  const verdicts = cases.filter((result) => result.kind === kind).map((result) => result.verdict);
  if (verdicts.includes('fail')) return 'fail';
  return verdicts.length === 0 || verdicts.includes('unverified') ? 'unverified' : 'pass';
}
