import type { Bench } from '../bench.js';
import type { Judgement, Problem, Submission, Suite, Verdict } from '../suite.js';
import { judgementKey, type KeptJudgement, type KeptJudgements } from './kept-judgements.js';
import type { Lanes } from './lanes.js';
import { differenceFrom, type Fault, lackingFor } from './references.js';

/**
 * Judges the answers to one suite: equal code once, code that was judged before not at all, what ran out of time once more with nothing
 * beside it. Before a problem counts, its reference solutions have to come out as they are known to, in this very place.
 */
export class Judging implements AsyncDisposable {
  readonly #suite: Suite;
  readonly #bench: Bench;
  readonly #kept: KeptJudgements;
  readonly #lanes: Lanes;
  readonly #signal: AbortSignal;
  readonly #running = new Map<string, Promise<KeptJudgement>>();
  readonly #checked = new Map<string, Promise<Fault | null>>();

  constructor(
    suite: Suite,
    bench: Bench,
    { kept, lanes, signal }: { readonly kept: KeptJudgements; readonly lanes: Lanes; readonly signal: AbortSignal },
  ) {
    this.#suite = suite;
    this.#bench = bench;
    this.#kept = kept;
    this.#lanes = lanes;
    this.#signal = signal;
  }

  /** The verdicts on an answer's code; `null` is an answer without any. A problem that cannot be judged here leaves both alike `unverified`. */
  async judge(problem: Problem, submission: Submission | null): Promise<KeptJudgement> {
    if ((await this.faultOf(problem)) !== null) return without('unverified');
    return submission === null ? without('fail') : this.#judged(problem, submission);
  }

  /**
   * Why a problem cannot be judged here: what is missing, or which reference solution came out otherwise than it should. `null` when all is
   * well. Found out once.
   */
  faultOf(problem: Problem): Promise<Fault | null> {
    const known = this.#checked.get(problem.id) ?? this.#check(problem);
    this.#checked.set(problem.id, known);
    // Whoever asks hears of a failure; nobody has to ask.
    known.catch(() => undefined);
    return known;
  }

  /** Waits until nothing is being judged any more, whatever became of it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([...this.#checked.values(), ...this.#running.values()]);
    await this.#kept[Symbol.asyncDispose]();
  }

  async #check(problem: Problem): Promise<Fault | null> {
    const lacking = lackingFor(this.#suite, problem, this.#bench);
    if (lacking !== null) return lacking;
    const references = this.#suite.calibration.filter(
      (reference) => reference.everywhere && reference.problem === problem.id,
    );
    const faults = await Promise.all(
      references.map(async ({ name, submission, expect }) => {
        // One that is known to run out of time need not do so a second time.
        const isEnough = (judgement: Judgement) => differenceFrom(expect, judgement) === null;
        const difference = differenceFrom(expect, await this.#judged(problem, submission, isEnough));
        return difference === null ? null : `its ${name} solution ${difference}`;
      }),
    );
    const text = faults.find((fault) => fault !== null);
    return text === undefined || text === null ? null : { what: 'reference', text };
  }

  async #judged(
    problem: Problem,
    submission: Submission,
    isEnough = ({ timedOut }: Judgement) => !timedOut,
  ): Promise<KeptJudgement> {
    const key = judgementKey(problem, submission);
    const known = this.#kept.get(key) ?? this.#running.get(key);
    if (known !== undefined) return known;
    const judging = this.#run(problem, submission, isEnough).then(async ({ seconds, ...judgement }) => {
      await this.#kept.put(key, judgement, seconds);
      return judgement;
    });
    this.#running.set(key, judging);
    try {
      return await judging;
    } finally {
      this.#running.delete(key);
    }
  }

  /** `isEnough`: whether what came out beside others needs no second look with nothing beside it. */
  async #run(
    problem: Problem,
    submission: Submission,
    isEnough: (judgement: Judgement) => boolean,
  ): Promise<KeptJudgement & { readonly seconds: number }> {
    const judge = async () => {
      this.#signal.throwIfAborted();
      const began = performance.now();
      const judgement = await this.#suite.judge(problem, submission, this.#bench, this.#signal);
      return { ...judgement, seconds: Math.round(performance.now() - began) / 1000 };
    };
    if (!this.#suite.needs(problem).alone) {
      const judgement = await this.#lanes.shared(judge);
      if (isEnough(judgement)) return { ...judgement, alone: false };
    }
    return { ...(await this.#lanes.alone(judge)), alone: true };
  }
}

function without(verdict: Verdict): KeptJudgement {
  return { functional: verdict, security: verdict, cases: [], timedOut: false, alone: false };
}
