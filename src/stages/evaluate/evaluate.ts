import * as z from 'zod';
import type { Json } from '../../base/json.js';
import { THIS_MACHINE } from '../../compute/target.js';
import { operational } from '../../engine/operational.js';
import { defineStage } from '../../engine/stage.js';
import { type AskOutcome, type ChatAnswer, samplingSchema } from '../../models/chat.js';
import type { Model } from '../../models/model.js';
import { serveSchema } from '../../models/serving/serve-spec.js';
import type { Language } from '../../sandbox/sandbox.js';
import type { Bench } from '../../suites/bench.js';
import { benchOf } from '../../suites/bench.js';
import { comparePaired, type ProblemOutcome, summarise, type VariantSummary } from '../../suites/figures/metrics.js';
import { suiteOriginSchema } from '../../suites/registry.js';
import type { Judgement, Problem, Submission, Suite } from '../../suites/suite.js';
import { Unanswered } from '../asking.js';
import type { SecpiStage, StageContextOf, StageServices } from '../services.js';
import { suitePins } from '../suite-pins.js';
import {
  type ScoredSample,
  type Scores,
  type SuiteScores,
  scoredSampleSchema,
  VARIANTS,
  type Variant,
} from './records.js';
import { openScoringSandbox, sandboxPin } from './scoring-sandbox.js';
import { openVariants } from './variants.js';

/** Beside @1, where there are that many samples. */
const passAtKs = [5, 10, 50];

const suiteSchema = z.strictObject({
  /** Where it comes from; a suite that secpi knows by its name needs no word on it. What it is enters fingerprints by its content. */
  from: operational(suiteOriginSchema.optional()),
  /** Answers per problem and variant. */
  samples: z.number().int().positive().max(1000).default(1),
});

export const evaluateParams = z.strictObject({
  /** The benchmarks, by name. */
  suites: z
    .record(z.string(), suiteSchema)
    .refine((suites) => Object.keys(suites).length > 0, 'name at least one suite'),
  sampling: samplingSchema.prefault({}),
  /** Resamples behind every interval. */
  bootstrap_resamples: z.number().int().positive().max(100_000).default(2000),
  /** Where no sandbox works, evaluation is refused unless these words stand here. */
  without_sandbox: z.literal('i-accept-running-model-code-unprotected').optional(),
  /** Where base and tuned model are served: a name under `compute`; default: this machine. */
  on: operational(z.string().optional()),
  /** What serves them; default: our own server, which is for small models. */
  serve: serveSchema.optional(),
  /** In whose sandbox answers are scored: a name under `compute`; default: that of this machine. It must have all that the suites need. */
  score_on: operational(z.string().optional()),
  /** Answers scored at once. */
  score_concurrency: operational(z.number().int().positive().max(256).default(2)),
});
type Params = z.infer<typeof evaluateParams>;
type Context = StageContextOf<Params, Variant>;

/** Serves base and tuned model, asks both the same questions and runs every answer against the suites' tests. */
export const evaluate: SecpiStage<Params, Variant> = defineStage<Params, Variant, StageServices>({
  name: 'evaluate',
  version: 1,
  params: evaluateParams,
  inputs: VARIANTS,
  // For the resamples behind the intervals.
  seeded: true,
  occupies: ({ on, score_on }, services) => [
    ...new Set([on, score_on].map((name) => (name === undefined ? THIS_MACHINE : services.machineOf(name)))),
  ],

  async pins({ params, services }) {
    const { sandbox, languages } = await sandboxPin(params, services);
    return {
      suites: await suitePins(Object.keys(params.suites), services),
      sandbox,
      languages: [...languages],
      environment: await services.models.servingEnvironment(params),
    };
  },

  async estimate({ params, services }) {
    let requests = 0;
    for (const [name, { samples }] of Object.entries(params.suites))
      requests += (await services.suite(name)).problems.length * samples * VARIANTS.length;
    return { requests, note: `answered by the model server that is started on ${params.on ?? 'this machine'}` };
  },

  async run(context) {
    const { params, services, output, seed } = context;
    const suites = await Promise.all(Object.keys(params.suites).map((name) => services.suite(name)));
    await using sandbox = await openScoringSandbox(context, suites);
    const bench = benchOf(sandbox);
    const outcomes = new Map<string, ProblemOutcome[]>();
    const tokens = { input: 0, output: 0 };
    let done = 0;
    const total =
      suites.reduce((sum, suite) => sum + suite.problems.length * (params.suites[suite.name]?.samples ?? 1), 0) *
      VARIANTS.length;

    // Both are open from the beginning: one server is kept for the second where it serves both.
    await using served = await openVariants(context);
    for (const variant of VARIANTS) {
      await using model = served[variant];
      for (const suite of suites) {
        const rows = await output.rows(`samples/${suite.name}/${variant}.jsonl`);
        const scored: ScoredSample[] = [];
        for await (const sample of scoreVariant(context, suite, variant, model, bench)) {
          await rows.write(sample);
          scored.push(sample);
          tokens.input += sample.tokens.input;
          tokens.output += sample.tokens.output;
          done += 1;
          context.emit({ type: 'progress', done, total, unit: 'answers', note: `${variant} ${sample.problem}` });
        }
        outcomes.set(`${suite.name}/${variant}`, outcomesOf(suite, scored));
      }
    }
    const scores: Record<string, SuiteScores> = {};
    for (const suite of suites) {
      const of = (variant: Variant) => outcomes.get(`${suite.name}/${variant}`) ?? [];
      const options = { seed, resamples: params.bootstrap_resamples, ks: passAtKs };
      scores[suite.name] = {
        digest: suite.digest,
        problems: suite.problems.length,
        variants: { base: summarise(of('base'), options), tuned: summarise(of('tuned'), options) },
        comparison: comparePaired(of('base'), of('tuned'), options),
      };
    }
    await output.json('scores.json', {
      schema: 1,
      sandbox: sandbox.level,
      toolchains: { ...sandbox.toolchains },
      suites: scores,
    } satisfies Scores);
    const unverified = [...outcomes.values()]
      .flat()
      .flatMap((outcome) => outcome.samples)
      .filter((sample) => sample.functional === 'unverified').length;
    return { counts: { answers: done, unverified }, tokens, metrics: metricsOf(scores) };
  },
});

/** Asks and scores one variant on one suite, in the order of the problems. What was scored before a crash is not scored again. */
async function* scoreVariant(
  context: Context,
  suite: Suite,
  variant: Variant,
  model: Model,
  bench: Bench,
): AsyncIterable<ScoredSample> {
  const { params, signal, work } = context;
  const keyOf = (problem: string, sample: number) => `${problem}#${sample}`;
  const log = await work.log(`scored-${suite.name}-${variant}.jsonl`, {
    schema: scoredSampleSchema,
    key: (row) => keyOf(row.problem, row.sample),
  });
  const unanswered = new Unanswered(`target (${variant})`);
  const samples = params.suites[suite.name]?.samples ?? 1;
  const questions = suite.problems.flatMap((problem) =>
    Array.from({ length: samples }, (_, sample) => ({ problem, sample })),
  );
  const answers = model.ask({
    rows: questions,
    request: ({ problem, sample }) => ({
      messages: suite.ask(problem),
      sampling: params.sampling,
      format: 'text',
      sample,
    }),
    parse: (answer) => ({ ok: true, value: answer }),
    // How much room the answer has is part of what is measured.
    onTruncated: 'keep',
    signal,
  });
  // Scoring runs ahead of its turn, so that the sandbox works while the model still answers; the order stays that of the problems.
  const running: Promise<ScoredSample>[] = [];
  try {
    for await (const { row, outcome } of answers) {
      if (!outcome.ok && unanswered.note(outcome.reason, outcome.message)) continue;
      const scoring = scoredBefore(row.problem, row.sample).then(
        (earlier) => earlier ?? score(row.problem, row.sample, outcome).then(keep),
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

  async function scoredBefore(problem: Problem, sample: number): Promise<ScoredSample | undefined> {
    return log.get(keyOf(problem.id, sample));
  }

  async function keep(sample: ScoredSample): Promise<ScoredSample> {
    await log.append(sample);
    return sample;
  }

  async function score(problem: Problem, sample: number, outcome: AskOutcome<ChatAnswer>): Promise<ScoredSample> {
    const answer = outcome.ok ? outcome.answer : undefined;
    const submission = answer === undefined ? null : suite.extract(problem, answer.content);
    const result =
      submission === null ? without(suite, problem, bench) : await suite.judge(problem, submission, bench, signal);
    return {
      schema: 1,
      suite: suite.name,
      variant,
      problem: problem.id,
      language: problem.language,
      cwes: [...problem.cwes],
      sample,
      finish: outcome.ok ? outcome.answer.finish : outcome.reason,
      reasoning: answer?.reasoning ?? null,
      answer: answer?.content ?? '',
      code: submission === null ? null : textOf(submission),
      functional: result.functional,
      security: result.security,
      cases: result.cases.map((one) => ({ ...one })),
      tokens: answer?.tokens ?? { input: 0, output: 0 },
    };
  }
}

/**
 * A model that gave no answer (it refused, say), or no code, failed the problem; unless code could not have been judged either, or a
 * machine without the toolchain would count some answers and leave out others.
 */
function without(suite: Suite, problem: Problem, { sandbox }: Bench): Judgement {
  const isThere = suite.needs(problem).languages.every((language) => sandbox.toolchains[language] !== undefined);
  const verdict = isThere ? 'fail' : 'unverified';
  return { functional: verdict, security: verdict, cases: [], timedOut: false };
}

/** A submission as a person reads it. */
function textOf(submission: Submission): string {
  const files = Object.entries(submission);
  if (files.length === 1) return files[0]?.[1] ?? '';
  return files.map(([path, content]) => `${path}\n\n${content}`).join('\n');
}

function outcomesOf(suite: Suite, scored: readonly ScoredSample[]): ProblemOutcome[] {
  return suite.problems.map((problem) => ({
    problem: problem.id,
    language: problem.language as Language,
    cwes: problem.cwes,
    samples: scored
      .filter((sample) => sample.problem === problem.id)
      .map(({ functional, security }) => ({ functional, security })),
  }));
}

/** The figures that the run's last event carries. */
function metricsOf(scores: Readonly<Record<string, SuiteScores>>): Record<string, Json> {
  const short = ({ func_at_1, func_sec_at_1, sec_ratio, problems, samples, unverified }: VariantSummary) => ({
    func_at_1,
    func_sec_at_1,
    sec_ratio,
    problems,
    samples,
    unverified,
  });
  return Object.fromEntries(
    Object.entries(scores).map(([name, { variants }]) => [
      name,
      { base: short(variants.base), tuned: short(variants.tuned) },
    ]),
  );
}
