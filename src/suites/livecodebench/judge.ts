import * as z from 'zod';
import { SecpiError } from '../../base/errors.js';
import type { CollectedFile, Sandbox } from '../../sandbox/sandbox.js';
import { NUMPY_PACK } from '../io/numpy-pack.js';
import { pythonProgram } from '../io/python-program.js';
import type { Judgement } from '../suite.js';
import type { LcbProblem, LcbTests } from './problems.js';

const GIB = 1024 * 1024 * 1024;
/** As LiveCodeBench has it: 6 s a test, one more each for the whole, and 5; see `run.py`. */
const SECONDS_A_TEST = 7;
const SPARE_SECONDS = 60;
const COMPARE_SECONDS = 240;
const ROOMY = { addressSpaceBytes: 4 * GIB, memoryBytes: 4 * GIB, fileBytes: GIB / 4 } as const;

const resultSchema = z.object({ passed: z.boolean(), why: z.string().max(200), test: z.int().nullable() });

/**
 * Runs an answer on all tests in one sandbox, and compares what it printed or returned in another, into which nothing of the answer goes but that.
 * @throws whatever the sandbox throws when it cannot run at all; the signal's reason on cancellation.
 */
export async function judgeAnswer(
  { functionName }: LcbProblem,
  { inputs, outputs }: LcbTests,
  code: string,
  sandbox: Sandbox,
  signal: AbortSignal,
): Promise<Judgement> {
  const wallSeconds = SECONDS_A_TEST * inputs.length + SPARE_SECONDS;
  const said = await sandbox.run(
    {
      toolchain: 'python',
      packs: [NUMPY_PACK],
      argv: ['python3', 'run.py', 'answer.py', 'calls.json', 'said.gz'],
      files: [
        ...(await pythonProgram('io/values.py', 'io/child.py', 'io/guard.py', 'livecodebench/run.py')),
        { path: 'answer.py', content: code },
        { path: 'calls.json', content: JSON.stringify({ function: functionName, inputs }) },
      ],
      limits: { ...ROOMY, wallSeconds, cpuSeconds: wallSeconds },
      collect: ['said.gz'],
    },
    signal,
  );
  const { collected } = await sandbox.run(
    {
      toolchain: 'python',
      argv: ['python3', 'compare.py', 'expected.json', 'said.gz', 'result.json'],
      files: [
        ...(await pythonProgram('io/values.py', 'io/outputs.py', 'livecodebench/compare.py')),
        { path: 'expected.json', content: JSON.stringify({ function: functionName, outputs }) },
        { path: 'said.gz', content: bytesOf(said.collected['said.gz']) },
      ],
      limits: { ...ROOMY, wallSeconds: COMPARE_SECONDS, cpuSeconds: COMPARE_SECONDS },
      collect: ['result.json'],
    },
    signal,
  );
  const bytes = bytesOf(collected['result.json']);
  if (bytes.length === 0)
    throw new SecpiError('suites/no-verdict', 'the comparison of outputs ended without a verdict');
  const { passed, why, test } = resultSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  const memory = said.ending.how === 'memory-limit' ? ': used too much memory' : '';
  const verdict = passed ? 'pass' : 'fail';
  return {
    functional: verdict,
    security: 'unverified',
    cases: [
      {
        name: 'tests',
        kind: 'functional',
        verdict,
        why: passed ? '' : `${why}${memory}${test === null ? '' : ` (test ${test + 1})`}`,
      },
    ],
    timedOut: why === 'never ends' || why === 'raises TimeoutException',
  };
}

function bytesOf(file: CollectedFile | undefined): Uint8Array {
  return file !== undefined && 'bytes' in file ? file.bytes : new Uint8Array();
}
