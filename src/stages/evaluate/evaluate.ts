import * as z from 'zod';
import type { Json } from '../../base/json.js';
import { THIS_MACHINE } from '../../compute/target.js';
import { operational } from '../../engine/operational.js';
import { defineStage } from '../../engine/stage.js';
import { samplingSchema } from '../../models/chat.js';
import { serveSchema } from '../../models/serving/serve-spec.js';
import type { Language } from '../../sandbox/sandbox.js';
import { benchOf } from '../../suites/bench.js';
import { figuresOf } from '../../suites/figures/figure-names.js';
import { comparePaired, summarise, type VariantSummary } from '../../suites/figures/metrics.js';
import type { Answered, ProblemOutcome } from '../../suites/figures/outcomes.js';
import { suiteOriginSchema } from '../../suites/registry.js';
import type { Suite } from '../../suites/suite.js';
import type { SecpiStage, StageServices } from '../services.js';
import { suitePins } from '../suite-pins.js';
import { detectionLines } from './detection.js';
import { checkReferences, openJudges } from './judges.js';
import { type ScoredSample, type Scores, type SuiteScores, VARIANTS, type Variant } from './records.js';
import { scoreVariant } from './score-variant.js';
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

/** Serves base and tuned model, asks both the same questions and runs every answer against the suites' tests. */
export const evaluate: SecpiStage<Params, Variant> = defineStage<Params, Variant, StageServices>({
  name: 'evaluate',
  version: 1,
  params: evaluateParams,
  inputs: VARIANTS,
  seeded: false,
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
    const suites = await Promise.all(Object.keys(params.suites).map((name) => services.suite(name)));
    const requests = suites.reduce(
      (sum, { name, problems }) => sum + problems.length * (params.suites[name]?.samples ?? 1) * VARIANTS.length,
      0,
    );
    const note = `answered by the model server that is started on ${params.on ?? 'this machine'}`;
    return { requests, note, details: detectionLines(suites, params.suites) };
  },

  async run(context) {
    const { params, services, output } = context;
    const suites = await Promise.all(Object.keys(params.suites).map((name) => services.suite(name)));
    await using sandbox = await openScoringSandbox(context, suites);
    await using judges = await openJudges(context, suites, benchOf(sandbox));
    // Beside everything that has to be started before the first answer comes.
    const references = checkReferences(context, judges);
    references.catch(() => undefined);
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
        for await (const sample of scoreVariant(context, suite, variant, model, judges.of(suite))) {
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
    await references;
    const scores: Record<string, SuiteScores> = {};
    for (const suite of suites) {
      const of = (variant: Variant) => outcomes.get(`${suite.name}/${variant}`) ?? [];
      const options = { measures: suite.measures, ks: passAtKs };
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

function outcomesOf(suite: Suite, scored: readonly ScoredSample[]): ProblemOutcome[] {
  return suite.problems.map((problem) => ({
    problem: problem.id,
    language: problem.language as Language,
    cwes: problem.cwes,
    groups: problem.groups ?? [],
    samples: scored
      .filter((sample) => sample.problem === problem.id)
      .map((sample) => ({
        functional: sample.functional,
        security: sample.security,
        answered: answeredIn(sample),
      })),
  }));
}

function answeredIn({ code, finish, answer }: ScoredSample): Answered {
  if (code !== null) return 'code';
  if (finish !== 'stop' && finish !== 'length') return 'refused';
  return finish === 'length' && answer.trim() === '' ? 'no_answer' : 'no_code';
}

/** The figures that the run's last event carries. */
function metricsOf(scores: Readonly<Record<string, SuiteScores>>): Record<string, Json> {
  const short = (summary: VariantSummary) => ({
    ...Object.fromEntries(figuresOf(summary.measures).map(({ key }) => [key, summary[key]])),
    problems: summary.problems,
    samples: summary.samples,
    unverified: summary.unverified,
    no_answer: summary.no_answer,
    no_code: summary.no_code,
    refused: summary.refused,
  });
  return Object.fromEntries(
    Object.entries(scores).map(([name, { variants }]) => [
      name,
      { base: short(variants.base), tuned: short(variants.tuned) },
    ]),
  );
}
