import { SecpiError } from '../../base/errors.js';
import { type Bench, benchId } from '../../suites/bench.js';
import { Judging } from '../../suites/judging/judging.js';
import { Lanes } from '../../suites/judging/lanes.js';
import type { Suite } from '../../suites/suite.js';
import type { JudgingContext } from './scoring-sandbox.js';

/** A judge for each suite; all of them share the places where code runs. */
export interface Judges extends AsyncDisposable {
  of(suite: Suite): Judging;
  /** Each suite with its judge. */
  readonly all: ReadonlyMap<Suite, Judging>;
}

/** Opens what was judged before, of each suite. */
export async function openJudges(
  { params, services, signal }: JudgingContext,
  suites: readonly Suite[],
  bench: Bench,
): Promise<Judges> {
  const lanes = new Lanes(params.score_concurrency);
  const all = new Map<Suite, Judging>();
  for (const suite of suites) {
    const kept = await services.keptJudgements(suite.digest, benchId(bench.sandbox, packsOf(suite)));
    all.set(suite, new Judging(suite, bench, { kept, lanes, signal }));
  }
  const of = (suite: Suite): Judging => {
    const judging = all.get(suite);
    if (judging === undefined) throw new TypeError(`${suite.name} has no judge`);
    return judging;
  };
  return {
    all,
    of,
    [Symbol.asyncDispose]: async () => {
      for (const judging of all.values()) await judging[Symbol.asyncDispose]();
    },
  };
}

function packsOf({ problems, needs }: Suite): readonly string[] {
  return problems.flatMap((problem) => needs(problem).packs);
}

/**
 * Has each suite judge its own reference solutions where answers are judged, before any answer counts. A problem whose references come out
 * otherwise than they should is named, and left out; on another machine, which must have all that is needed, it ends the evaluation.
 * @throws SecpiError `evaluate/references`
 */
export async function checkReferences({ params, emit }: JudgingContext, judges: Judges): Promise<void> {
  for (const [suite, judging] of judges.all) {
    const faults = await Promise.all(
      suite.problems.map(async (problem) => ({ problem, fault: await judging.faultOf(problem) })),
    );
    for (const { problem, fault } of faults) {
      // What is missing has been said when the sandbox was opened, once for each language.
      if (fault === null || fault.what === 'missing') continue;
      const message = `${suite.name}: ${problem.id} cannot be judged here: ${fault.text}`;
      if (params.score_on !== undefined)
        throw new SecpiError('evaluate/references', message, {
          hint: `Something that the suite needs is missing on ${params.score_on}, or behaves otherwise there.`,
        });
      emit({ type: 'log', level: 'warn', message: `${message}; its answers are counted as unverified` });
    }
  }
}
