import type * as z from 'zod';
import type { ChatRequest } from '../../models/chat.js';
import type { Model } from '../../models/model.js';
import { withCue } from '../../security/prompts/cues.js';
import type { Judging } from '../../suites/judging/judging.js';
import type { Problem, Suite } from '../../suites/suite.js';
import { type TokenCount, Unanswered } from '../asking.js';
import type { StageContextOf, StageServices } from '../services.js';
import type { evaluateParams } from './evaluate.js';
import { type ScoredSample, scoredSampleSchema } from './records.js';
import { answeredBy, judgedRow } from './sample-row.js';
import { isWeights, type Variant, type Weights } from './variant.js';

type Params = z.infer<typeof evaluateParams>;
type Context = StageContextOf<Params, Weights>;

interface Question {
  readonly problem: Problem;
  readonly sample: number;
}

/** All questions of a suite, each as often as it is sampled. */
export function questionsOf(suite: Suite, params: Params): readonly Question[] {
  const samples = params.suites[suite.name]?.samples ?? 1;
  return suite.problems.flatMap((problem) => Array.from({ length: samples }, (_, sample) => ({ problem, sample })));
}

/** Exactly what is asked. A seed, where there is one, is another for each sample: the model's client derives it. */
export function requestOf(
  suite: Suite,
  { cue }: Variant,
  { problem, sample }: Question,
  { params, services }: { readonly params: Params; readonly services: Pick<StageServices, 'catalogue'> },
): ChatRequest {
  const question = suite.ask(problem);
  // Without a cue nobody needs the catalogue.
  const messages = cue === undefined ? question : withCue(question, cue, problem, services.catalogue);
  return { messages, sampling: params.sampling, format: 'text', sample };
}

/** Asks and scores one variant on one suite, in the order of the problems. What was scored before a crash is not scored again. */
export async function* scoreVariant(
  context: Context,
  suite: Suite,
  variant: Variant,
  model: Model,
  judging: Judging,
  tokens: TokenCount,
): AsyncIterable<ScoredSample> {
  const { params, signal, work } = context;
  const keyOf = (problem: string, sample: number) => `${problem}#${sample}`;
  const log = await work.log(`scored-${suite.name}-${variant.name}.jsonl`, {
    schema: scoredSampleSchema,
    key: (row) => keyOf(row.problem, row.sample),
  });
  const unanswered = new Unanswered(isWeights(variant.of) ? `target (${variant.name})` : variant.of);
  const answers = model.ask({
    rows: questionsOf(suite, params),
    request: (question) => requestOf(suite, variant, question, context),
    parse: (answer) => ({ ok: true, value: answer }),
    // How much room the answer has is part of what is measured.
    onTruncated: 'keep',
    signal,
  });
  // Scoring runs ahead of its turn, so that the sandbox works while the model still answers; the order stays that of the problems.
  const running: Promise<ScoredSample>[] = [];
  try {
    for await (const { row, outcome } of answers) {
      tokens.add(outcome);
      if (!outcome.ok && unanswered.note(outcome.reason, outcome.message)) continue;
      const { messages } = requestOf(suite, variant, row, context);
      const scoring = log
        .get(keyOf(row.problem.id, row.sample))
        .then(
          (earlier) =>
            earlier ??
            judgedRow(suite, judging, answeredBy(outcome, { ...row, variant: variant.name, messages })).then(keep),
        );
      // It is awaited below, but may fail while the next answer is still being waited for.
      scoring.catch(() => undefined);
      running.push(scoring);
      if (running.length >= params.score_concurrency) yield await (running.shift() as Promise<ScoredSample>);
    }
    for (const sample of running) yield await sample;
  } finally {
    // Whatever ended the loop: no code may still run in the sandbox when the stage is over.
    await Promise.allSettled(running);
    await log.close();
  }
  unanswered.check();

  async function keep(sample: ScoredSample): Promise<ScoredSample> {
    await log.append(sample);
    return sample;
  }
}
