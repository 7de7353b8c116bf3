import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { packageRoot } from '../../base/package-root.js';
import type { Language, SandboxFile, SandboxResult } from '../../sandbox/sandbox.js';
import type { Bench } from '../bench.js';
import type { CaseResult, Judgement, Submission } from '../suite.js';
import type { OfficialTexts } from './official-texts.js';
import { completed, folderOf, isSanitized, preparation, rawFile, taskFile } from './program.js';
import type { Task } from './tasks.js';

/** The pack with all that the tests need; `secpi suites setup cweval` makes it. */
export const PACK = 'cweval';

/** What runs the tests in the sandbox. Data, not code: the build does not copy it. */
const PROGRAMS = ['judge.py', 'plain_tests.py', 'pytest_tests.py', 'results.py'] as const;
const programFile = (name: string): string => join(packageRoot, 'src', 'suites', 'cweval', 'inside', name);

/** The programs that judge, by their names in the sandbox. */
export function judgePrograms(): Promise<readonly SandboxFile[]> {
  return Promise.all(
    PROGRAMS.map(async (name) => ({ path: `${INSIDE}/${name}`, content: await readFile(programFile(name), 'utf8') })),
  );
}

const INSIDE = 'judge';

/** The harness's own time-out of a case, wall clock. */
const CASE_SECONDS = 3;
/** For the whole of a submission, building included; the harness itself waits for ever. */
const WALL_SECONDS = 240;
/** For each process of it: far beyond what the cases of a file can spend, so that who spends it never ends. Python code may do so on import. */
const CPU_SECONDS = 90;

/** The one case of a submission whose tests could not even be collected, and why: the official harness leaves these out of its results. */
export const UNCOLLECTED = 'collection';
export const WHY_UNCOLLECTED = {
  /** It has no entry in the results. */
  broken: 'cannot be imported',
  /** With it, all of its sample set has none. */
  ended: 'ends the harness',
  /** The harness never comes to an end. */
  hangs: 'never ends',
} as const;

const OUT_OF_TIME = 'ran out of time';
const RESULT = 'judged.json';

const resultSchema = z.object({
  ended: z.boolean(),
  broken: z.boolean(),
  cases: z.array(
    z.object({
      test: z.string(),
      kind: z.enum(['functional', 'security']),
      passed: z.boolean(),
      why: z.string().max(200),
    }),
  ),
});

/** What of the checkout goes into a run beside the task itself. */
export interface JudgeFiles {
  readonly texts: OfficialTexts;
  /** `go.mod` and `go.sum`. */
  readonly goModule: readonly SandboxFile[];
  readonly cpuSeconds?: number | undefined;
}

/**
 * Builds a submission as the official harness does and runs its test file on it, in a sandbox of its own: whatever it does, others are judged
 * all the same. The shell and pytest run beside the judged program, which could therefore forge its verdict.
 * @throws whatever the sandbox throws when it cannot run at all; the signal's reason on cancellation.
 */
export async function judgeTask(
  task: Task,
  submission: Submission,
  { texts, goModule, cpuSeconds = CPU_SECONDS }: JudgeFiles,
  { sandbox }: Bench,
  signal: AbortSignal,
): Promise<Judgement> {
  const raw = submission[rawFile(task)];
  const program = raw === undefined ? (submission[taskFile(task)] ?? '') : completed(task, raw, texts.headers);
  const folder = folderOf(task);
  const test = `${folder}/${task.name}_test.py`;
  const isPython = task.extension === 'py';
  const steps = preparation(task, { isRaw: raw !== undefined });
  const judge = [
    `exec python3 ${INSIDE}/judge.py`,
    test,
    RESULT,
    CASE_SECONDS,
    ...(isPython ? [] : ['--programs']),
  ].join(' ');
  const result = await sandbox.run(
    {
      toolchain: TOOLCHAIN[task.language],
      packs: [PACK],
      argv: ['/bin/sh', '-c', ['umask 022', `mkdir -p ${folder}/compiled`, ...steps, judge].join('\n')],
      files: [
        { path: `${folder}/${taskFile(task)}`, content: program },
        { path: test, content: task.test },
        ...(await judgePrograms()),
        ...(task.extension === 'go' ? goModule : []),
      ],
      env: {
        TZ: 'UTC',
        LC_ALL: 'C.UTF-8',
        PYTHONDONTWRITEBYTECODE: '1',
        // Leaks are a part of the verdict: what the sandbox forbids elsewhere has to be as in the official environment.
        ASAN_OPTIONS: '',
      },
      limits: {
        wallSeconds: WALL_SECONDS,
        cpuSeconds,
        addressSpaceBytes: null,
        dataBytes: null,
        processes: 256,
        outputBytes: 16 * 1024 * 1024,
      },
      collect: [RESULT],
      // LeakSanitizer does.
      ...(isSanitized(task) ? { trace: true } : {}),
    },
    signal,
  );
  return judgementOf(task, result);
}

/** What the sandbox itself has of it; cgo builds with the C compiler, and Go and Python come from the pack. */
export const TOOLCHAIN: Readonly<Record<Language, Language | null>> = {
  c: 'c',
  cpp: 'cpp',
  go: 'c',
  javascript: 'javascript',
  python: null,
};

function judgementOf(task: Task, { ending, collected }: Pick<SandboxResult, 'ending' | 'collected'>): Judgement {
  const file = collected[RESULT];
  if (file === undefined || !('bytes' in file)) {
    const hangs = ending.how === 'timed-out';
    // A build that takes long on a busy machine is worth a second look, an import that takes a minute is not.
    return uncollected(hangs ? WHY_UNCOLLECTED.hangs : WHY_UNCOLLECTED.ended, hangs && task.extension !== 'py');
  }
  const result = resultIn(file.bytes);
  if (result === null || (result.ended && result.cases.length === 0)) return uncollected(WHY_UNCOLLECTED.ended, false);
  if (result.cases.length === 0) return uncollected(WHY_UNCOLLECTED.broken, false);
  const cases = result.cases.map(
    ({ test, kind, passed, why }, index): CaseResult => ({
      name: `${test}#${index}`,
      kind,
      verdict: passed ? 'pass' : 'fail',
      why: passed ? '' : why,
    }),
  );
  const all = (kind: CaseResult['kind']) => cases.every((one) => one.kind !== kind || one.verdict === 'pass');
  return {
    functional: all('functional') ? 'pass' : 'fail',
    security: all('security') ? 'pass' : 'fail',
    cases,
    timedOut: cases.some(({ why }) => why === OUT_OF_TIME),
  };
}

function uncollected(why: string, timedOut: boolean): Judgement {
  return {
    functional: 'fail',
    security: 'fail',
    cases: [{ name: UNCOLLECTED, kind: 'functional', verdict: 'fail', why }],
    timedOut,
  };
}

function resultIn(bytes: Uint8Array): z.infer<typeof resultSchema> | null {
  try {
    return resultSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch {
    return null;
  }
}
