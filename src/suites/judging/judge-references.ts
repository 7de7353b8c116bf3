import PQueue from 'p-queue';
import type { Bench } from '../bench.js';
import type { Calibration, Judgement, Problem, Suite, Verdicts } from '../suite.js';
import { differenceFrom, lackingFor } from './references.js';

/** What a reference solution came out as, beside what it should. */
export interface JudgedReference {
  readonly problem: Problem;
  /** `secure`, `insecure`, or whatever else the suite has. */
  readonly name: string;
  readonly expect: Verdicts;
  /** `null` where the problem cannot be judged at all. */
  readonly judgement: Judgement | null;
  /** What is wrong, in words; `null` when all came out as it should. */
  readonly fault: string | null;
}

/**
 * Judges every reference solution of a suite anew, whatever was judged before, and says which come out otherwise than they should. They come
 * in the suite's order.
 * @throws the signal's reason on cancellation.
 */
export async function* judgeReferences(
  suite: Suite,
  bench: Bench,
  { atOnce, signal }: { readonly atOnce: number; readonly signal: AbortSignal },
): AsyncIterable<JudgedReference> {
  const queue = new PQueue({ concurrency: atOnce });
  const judged = suite.problems.flatMap((problem) =>
    suite.calibration
      .filter((reference) => reference.problem === problem.id)
      .map((reference) => queue.add(() => judgeReference(suite, problem, reference, bench, signal))),
  );
  // Each is awaited below, and may fail before its turn comes.
  for (const one of judged) one.catch(() => undefined);
  try {
    for (const one of judged) yield await one;
  } finally {
    queue.clear();
    await queue.onIdle();
  }
}

async function judgeReference(
  suite: Suite,
  problem: Problem,
  { name, submission, expect }: Calibration,
  bench: Bench,
  signal: AbortSignal,
): Promise<JudgedReference> {
  signal.throwIfAborted();
  const lacking = lackingFor(suite, problem, bench);
  if (lacking !== null)
    return { problem, name, expect, judgement: null, fault: `cannot be judged here: ${lacking.text}` };
  const judgement = await suite.judge(problem, submission, bench, signal);
  return { problem, name, expect, judgement, fault: differenceFrom(expect, judgement) };
}
