import * as z from 'zod';
import { SecpiError } from '../../base/errors.js';
import type { CollectedFile, Sandbox, SandboxFile, SandboxResult } from '../../sandbox/sandbox.js';
import { NUMPY_PACK } from '../io/numpy-pack.js';
import { pythonProgram } from '../io/python-program.js';
import type { CaseResult, Judgement, Submission } from '../suite.js';
import type { EvalPlusProblem } from './problems.js';

/** A submission is one of these: code, or an answer whose code is found as EvalPlus's `sanitize` does. */
export const CODE_FILE = 'answer.py';
export const ANSWER_FILE = 'answer.txt';

export const PARTS = ['base', 'plus'] as const;
export type Part = (typeof PARTS)[number];

/** Why an answer's process said nothing more: EvalPlus calls both a time-out. */
export const WHY_TIMEOUT = ['never ends', 'ends its own process'] as const;
const OUT_OF_TIME = 'raises TimeoutException';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const REFERENCE_SECONDS = 240;
/** As EvalPlus has it: see `run.py`. */
const LEAST_SECONDS = 4;
const TIMES_THE_REFERENCE = 4;
const MOST_SECONDS = 60;
const GRACE_SECONDS = 62;
/** For starting Python, and for finding the code in a long answer. */
const SPARE_SECONDS = 60;

/** What EvalPlus lets an answer have; some outputs are lists of a hundred megabytes. */
const ROOMY = { addressSpaceBytes: 4 * GIB, memoryBytes: 4 * GIB, fileBytes: 256 * MIB } as const;

/** What is expected of answers, and what they are called with. */
interface Reference {
  readonly calls: string;
  readonly expected: Uint8Array;
  /** How long the longest answer may take, for both parts together. */
  readonly seconds: number;
}

const secondsSchema = z.record(z.enum(PARTS), z.array(z.number()));
const verdictsSchema = z.record(
  z.enum(PARTS),
  z.object({
    status: z.enum(['pass', 'fail', 'timeout']),
    why: z.string().max(200),
    call: z.int().nullable(),
  }),
);

const SHARED = ['io/values.py', 'evalplus/inputs.py', 'evalplus/oracles.py'] as const;

/** Judges answers to problems of EvalPlus. What is expected of one is worked out once. */
export class EvalPlusJudge {
  readonly #references = new WeakMap<Sandbox, Map<string, Promise<Reference | null>>>();

  /**
   * Runs an answer in one sandbox, and compares what came out in another, into which nothing of the answer goes but that.
   * @throws whatever the sandbox throws when it cannot run at all; the signal's reason on cancellation.
   */
  async judge(
    problem: EvalPlusProblem,
    submission: Submission,
    sandbox: Sandbox,
    signal: AbortSignal,
  ): Promise<Judgement> {
    const reference = await this.#referenceOf(problem, sandbox, signal);
    if (reference === null) return judgementOf(PARTS.map((part) => unverified(part)));
    const said = await runAnswer(problem, submission, reference, sandbox, signal);
    const outputs = PARTS.map(
      (part): SandboxFile => ({ path: `${part}.out.gz`, content: bytesOf(said.collected[`${part}.out.gz`]) }),
    );
    const { collected } = await sandbox.run(
      {
        toolchain: 'python',
        argv: [
          'python3',
          'compare.py',
          'expected.json.gz',
          problem.entryPoint,
          problem.id.startsWith('Mbpp/') ? 'mbpp' : 'humaneval',
          'verdicts.json',
          ...PARTS.map((part) => `${part}=${part}.out.gz`),
        ],
        files: [
          ...(await pythonProgram(...SHARED, 'io/close.py', 'io/outputs.py', 'evalplus/compare.py')),
          { path: 'expected.json.gz', content: reference.expected },
          ...outputs,
        ],
        limits: { ...ROOMY, wallSeconds: REFERENCE_SECONDS, cpuSeconds: REFERENCE_SECONDS },
        collect: ['verdicts.json'],
      },
      signal,
    );
    const verdicts = verdictsIn(collected['verdicts.json']);
    const usedMemory = said.ending.how === 'memory-limit';
    return judgementOf(PARTS.map((part) => caseOf(part, verdicts?.[part], usedMemory)));
  }

  #referenceOf(problem: EvalPlusProblem, sandbox: Sandbox, signal: AbortSignal): Promise<Reference | null> {
    const known = this.#references.get(sandbox) ?? new Map<string, Promise<Reference | null>>();
    this.#references.set(sandbox, known);
    const found = known.get(problem.id) ?? runReference(problem, sandbox, signal);
    known.set(problem.id, found);
    // What was cut off says nothing of the problem.
    found.catch(() => known.delete(problem.id));
    return found;
  }
}

async function runReference(
  problem: EvalPlusProblem,
  sandbox: Sandbox,
  signal: AbortSignal,
): Promise<Reference | null> {
  const { collected } = await sandbox.run(
    {
      toolchain: 'python',
      argv: ['python3', 'reference.py', 'problem.json', 'calls.json', 'expected.json.gz', 'seconds.json'],
      files: [
        ...(await pythonProgram(...SHARED, 'evalplus/reference.py')),
        { path: 'problem.json', content: problem.row },
      ],
      limits: {
        ...ROOMY,
        wallSeconds: REFERENCE_SECONDS,
        cpuSeconds: REFERENCE_SECONDS,
      },
      collect: ['calls.json', 'expected.json.gz', 'seconds.json'],
    },
    signal,
  );
  const calls = textOf(collected['calls.json']);
  const expected = bytesOf(collected['expected.json.gz']);
  if (calls === '' || expected.length === 0) return null;
  // The calls are Python's JSON, which JavaScript does not read.
  const seconds = secondsSchema.parse(JSON.parse(textOf(collected['seconds.json'])));
  const longest = PARTS.map((part) => {
    const limits = (seconds[part] ?? []).map((own) => Math.max(LEAST_SECONDS, TIMES_THE_REFERENCE * own));
    return (
      Math.min(
        MOST_SECONDS,
        limits.reduce((sum, own) => sum + own, 0),
      ) + GRACE_SECONDS
    );
  });
  return { calls, expected, seconds: longest.reduce((sum, own) => sum + own, 0) };
}

async function runAnswer(
  { entryPoint }: EvalPlusProblem,
  submission: Submission,
  { calls, seconds }: Reference,
  sandbox: Sandbox,
  signal: AbortSignal,
): Promise<SandboxResult> {
  const code = submission[CODE_FILE];
  const sanitize = code === undefined ? [`python3 sanitize.py ${ANSWER_FILE} "$1" ${CODE_FILE}`] : [];
  const runs = PARTS.map((part) => `python3 run.py ${CODE_FILE} calls.json ${part} ${part}.out.gz`);
  return sandbox.run(
    {
      toolchain: 'python',
      packs: [NUMPY_PACK],
      argv: ['/bin/sh', '-c', [...sanitize, ...runs].join('\n'), 'sh', entryPoint],
      files: [
        ...(await pythonProgram(...SHARED, 'io/child.py', 'io/guard.py', 'evalplus/run.py', 'evalplus/sanitize.py')),
        { path: 'calls.json', content: calls },
        code === undefined
          ? { path: ANSWER_FILE, content: submission[ANSWER_FILE] ?? '' }
          : { path: CODE_FILE, content: code },
      ],
      limits: {
        wallSeconds: seconds + SPARE_SECONDS,
        cpuSeconds: MOST_SECONDS + GRACE_SECONDS + SPARE_SECONDS,
        ...ROOMY,
      },
      collect: PARTS.map((part) => `${part}.out.gz`),
    },
    signal,
  );
}

function caseOf(
  part: Part,
  given: { status: 'pass' | 'fail' | 'timeout'; why: string; call: number | null } | undefined,
  usedMemory: boolean,
): CaseResult {
  if (given === undefined)
    throw new SecpiError('suites/no-verdict', 'the comparison of outputs ended without a verdict');
  if (given.status === 'pass') return { name: part, kind: 'functional', verdict: 'pass', why: '' };
  const at = given.call === null ? '' : ` (call ${given.call + 1})`;
  const why = given.status === 'timeout' && usedMemory ? `${given.why}: used too much memory` : given.why;
  return { name: part, kind: 'functional', verdict: 'fail', why: `${why}${at}` };
}

function unverified(part: Part): CaseResult {
  return { name: part, kind: 'functional', verdict: 'unverified', why: 'the canonical solution cannot be run here' };
}

function judgementOf(cases: readonly CaseResult[]): Judgement {
  const verdicts = cases.map(({ verdict }) => verdict);
  const worst = verdicts.includes('fail') ? 'fail' : verdicts.includes('unverified') ? 'unverified' : 'pass';
  const timedOut = cases.some(({ why }) => why.startsWith(WHY_TIMEOUT[0]) || why.startsWith(OUT_OF_TIME));
  return { functional: worst, security: 'unverified', cases, timedOut };
}

function verdictsIn(file: CollectedFile | undefined): z.infer<typeof verdictsSchema> | null {
  const text = textOf(file);
  return text === '' ? null : verdictsSchema.parse(JSON.parse(text));
}

function textOf(file: CollectedFile | undefined): string {
  return Buffer.from(bytesOf(file)).toString('utf8');
}

function bytesOf(file: CollectedFile | undefined): Uint8Array {
  return file !== undefined && 'bytes' in file ? file.bytes : new Uint8Array();
}
