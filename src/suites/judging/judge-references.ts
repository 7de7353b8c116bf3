import type { Bench } from '../bench.js';
import type { Calibration, Judgement, Problem, Suite, Verdicts } from '../suite.js';
import { Lanes } from './lanes.js';
import { differenceFrom, lackingFor } from './references.js';

/** What a reference solution came out as, beside what it should. */
export interface JudgedReference {
  readonly problem: Problem;
  /** `secure`, `insecure`, or whatever else the suite has. */
  readonly name: string;
  readonly expect: Verdicts;
  /** Evaluations judge it too, and count the answers to a problem of which one comes out otherwise as unverified. */
  readonly everywhere: boolean;
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
  const left = new AbortController();
  const stopping = AbortSignal.any([signal, left.signal]);
  const lanes = new Lanes(atOnce);
  const judged = suite.problems.flatMap((problem) =>
    suite.calibration
      .filter((reference) => reference.problem === problem.id)
      .map((reference) => judgeReference(suite, problem, reference, { bench, lanes, signal: stopping })),
  );
  // Each is awaited below, and may fail before its turn comes.
  for (const one of judged) one.catch(() => undefined);
  try {
    for (const one of judged) yield await one;
  } finally {
    left.abort();
    await Promise.allSettled(judged);
  }
}

async function judgeReference(
  suite: Suite,
  problem: Problem,
  { name, submission, expect, everywhere }: Calibration,
  { bench, lanes, signal }: { readonly bench: Bench; readonly lanes: Lanes; readonly signal: AbortSignal },
): Promise<JudgedReference> {
  const lacking = lackingFor(suite, problem, bench);
  if (lacking !== null)
    return { problem, name, expect, everywhere, judgement: null, fault: `cannot be judged here: ${lacking.text}` };
  const judge = async () => {
    signal.throwIfAborted();
    return suite.judge(problem, submission, bench, signal);
  };
  const { alone } = suite.needs(problem);
  const beside = alone ? null : await lanes.shared(judge);
  // What ran out of time beside others may do well without them.
  const isWell = beside !== null && !(beside.timedOut && differenceFrom(expect, beside) !== null);
  const judgement = isWell ? beside : await lanes.alone(judge);
  return { problem, name, expect, everywhere, judgement, fault: differenceFrom(expect, judgement) };
}
