import { benchOf } from '../../../suites/bench.js';
import { summarise } from '../../../suites/figures/metrics.js';
import type { OfficialResults, Suite } from '../../../suites/suite.js';
import { outcomesOf, PASS_AT } from '../figures.js';
import { checkReferences, openJudges } from '../judges.js';
import type { Figures, ScoredSample } from '../records.js';
import { type Answered, judgedRow } from '../sample-row.js';
import { type JudgingContext, openScoringSandbox } from '../scoring-sandbox.js';

/** Samples with their verdicts, by variant, and what they come to. */
export interface ScoredSamples {
  readonly rows: ReadonlyMap<string, readonly ScoredSample[]>;
  readonly figures: Figures;
  /** What the suite's own harness would have stored and reported, of each variant; empty where it has none. */
  readonly official: ReadonlyMap<string, OfficialResults>;
}

/**
 * Judges samples as the stage does, whoever asked for them: nothing is asked here. What was judged before is not run again, so the same call
 * goes on after it was stopped. The same samples come out as
 * the same bytes, however they lay.
 */
export async function scoreSamples(
  context: JudgingContext,
  suite: Suite,
  samples: readonly Answered[],
): Promise<ScoredSamples> {
  // One that fails stops the others: they wait in the same queue.
  const stopped = new AbortController();
  const within = { ...context, signal: AbortSignal.any([context.signal, stopped.signal]) };
  const sampled = new Set(samples.map(({ problem }) => problem));
  const needed: Suite = { ...suite, problems: suite.problems.filter((problem) => sampled.has(problem)) };
  await using sandbox = await openScoringSandbox(within, [needed]);
  await using judges = await openJudges(within, [needed], benchOf(sandbox));
  let done = 0;
  const judged = samples.map(async (sample) => {
    const row = await judgedRow(suite, judges.of(needed), sample);
    done += 1;
    context.emit({ type: 'progress', done, total: samples.length, unit: 'samples', note: row.problem });
    return row;
  });
  try {
    const [all] = await Promise.all([Promise.all(judged), checkReferences(within, judges)]);
    return scored(suite, all, sandbox);
  } catch (error) {
    stopped.abort(error);
    await Promise.allSettled(judged);
    throw error;
  }
}

function scored(
  suite: Suite,
  all: readonly ScoredSample[],
  { level, toolchains }: Pick<Awaited<ReturnType<typeof openScoringSandbox>>, 'level' | 'toolchains'>,
): ScoredSamples {
  const place = new Map(suite.problems.map(({ id }, index) => [id, index]));
  const placeOf = ({ problem }: ScoredSample) => place.get(problem) ?? 0;
  const sorted = all.toSorted((one, other) => placeOf(one) - placeOf(other) || one.sample - other.sample);
  const rows = new Map<string, ScoredSample[]>();
  for (const row of sorted) {
    const ofVariant = rows.get(row.variant) ?? [];
    ofVariant.push(row);
    rows.set(row.variant, ofVariant);
  }
  const variants = [...rows].map(([variant, own]) => [
    variant,
    summarise(outcomesOf(suite, own), { measures: suite.measures, ks: PASS_AT }),
  ]);
  const official = new Map<string, OfficialResults>();
  for (const [variant, own] of rows) {
    const results = suite.official?.(own);
    if (results !== undefined) official.set(variant, results);
  }
  const reported = [...official].map(([variant, { figures }]) => [variant, figures]);
  const suites = {
    [suite.name]: {
      digest: suite.digest,
      problems: suite.problems.length,
      variants: Object.fromEntries(variants),
      ...(reported.length === 0 ? {} : { official: Object.fromEntries(reported) }),
    },
  };
  return { rows, official, figures: { schema: 2, sandbox: level, toolchains: { ...toolchains }, suites } };
}
