import * as z from 'zod';
import { THIS_MACHINE } from '../../compute/target.js';
import { operational } from '../../engine/operational.js';
import { defineStage } from '../../engine/stage.js';
import { samplingSchema } from '../../models/chat.js';
import { serveSchema } from '../../models/serving/serve-spec.js';
import { benchOf } from '../../suites/bench.js';
import { comparePaired, summarise } from '../../suites/figures/metrics.js';
import type { ProblemOutcome } from '../../suites/figures/outcomes.js';
import { suiteOriginSchema } from '../../suites/registry.js';
import type { OfficialFigure } from '../../suites/suite.js';
import { TokenCount } from '../asking.js';
import { occupiedModel } from '../occupied.js';
import { repeatedAnswers } from '../repeated-samples.js';
import type { SecpiStage, StageServices } from '../services.js';
import { suitePins } from '../suite-pins.js';
import { estimateVariants } from './estimate-variants.js';
import { metricsOf, outcomesOf, PASS_AT } from './figures.js';
import { checkReferences, openJudges } from './judges.js';
import type { ScoredSample, Scores, SuiteScores } from './records.js';
import { scoreVariant } from './score-variant.js';
import { benchPin, isolation, openScoringSandbox, requirePacks } from './scoring-sandbox.js';
import { inTurn, isWeights, variantNamed, variantNameSchema, WEIGHTS, type Weights } from './variant.js';
import { variantPins } from './variant-pins.js';
import { openVariants } from './variants.js';

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
  /**
   * Who is asked: `base`, `tuned`, or a name under `models`. With `+reminder`, `+cwe-cue` or `+full-prompt` behind it, something about
   * security is said beside the question.
   */
  variants: z
    .array(variantNameSchema)
    .min(1)
    .max(50)
    .default([...WEIGHTS]),
  /** The two of them that the report compares and gates look at: `to` minus `from`. */
  compare: z
    .strictObject({
      /** What it is measured against. */
      from: variantNameSchema.default('base'),
      /** What should be better. */
      to: variantNameSchema.default('tuned'),
    })
    .prefault({}),
  /** Of all variants. A seed is another one for each sample. */
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

/** Asks all variants the same questions and runs every answer against the suites' tests. */
export const evaluate: SecpiStage<Params, Weights> = defineStage<Params, Weights, StageServices>({
  name: 'evaluate',
  version: 2,
  params: evaluateParams,
  inputs: WEIGHTS,
  seeded: false,
  occupies: ({ on, score_on, variants }, services) => [
    ...new Set([on, score_on].map((name) => (name === undefined ? THIS_MACHINE : services.machineOf(name)))),
    ...new Set(
      variants.map((name) => variantNamed(name).of).flatMap((of) => (isWeights(of) ? [] : [occupiedModel(of)])),
    ),
  ],

  async pins({ params, services, files }) {
    return {
      suites: await suitePins(Object.keys(params.suites), services),
      ...(await benchPin(params, services)),
      environment: await services.models.servingEnvironment(params),
      ...(await variantPins(params.variants.map(variantNamed), services, files)),
    };
  },

  estimate: ({ params, services }) => estimateVariants(params, services),

  async ready({ params, services }) {
    const suites = await Promise.all(Object.keys(params.suites).map((name) => services.suite(name)));
    // Of another machine that is known once its sandbox is open.
    if (params.score_on === undefined) requirePacks(suites, await services.sandboxFacts(isolation(params)), params);
  },

  async run(context) {
    const { params, services, output } = context;
    for (const message of repeatedAnswers(params)) context.emit({ type: 'log', level: 'warn', message });
    const suites = await Promise.all(Object.keys(params.suites).map((name) => services.suite(name)));
    await using sandbox = await openScoringSandbox(context, suites);
    await using judges = await openJudges(context, suites, benchOf(sandbox));
    // Beside everything that has to be started before the first answer comes.
    const references = checkReferences(context, judges);
    references.catch(() => undefined);
    const outcomes = new Map<string, ProblemOutcome[]>();
    const reported = new Map<string, readonly OfficialFigure[]>();
    const tokens = new TokenCount();
    let done = 0;
    const variants = params.variants.map(variantNamed);
    const total =
      suites.reduce((sum, suite) => sum + suite.problems.length * (params.suites[suite.name]?.samples ?? 1), 0) *
      variants.length;

    // All are open from the beginning: one server is kept for the next where it serves both.
    await using served = await openVariants(context, variants);
    for (const variant of inTurn(variants)) {
      await using model = served.of(variant);
      for (const suite of suites) {
        const rows = await output.rows(`samples/${suite.name}/${variant.name}.jsonl`);
        const scored: ScoredSample[] = [];
        for await (const sample of scoreVariant(context, suite, variant, model, judges.of(suite), tokens)) {
          await rows.write(sample);
          scored.push(sample);
          done += 1;
          const note = `${variant.name} ${sample.problem}`;
          const used = { tokens: tokens.total, cost_usd: tokens.cost_usd };
          context.emit({ type: 'progress', done, total, unit: 'answers', note, ...used });
        }
        outcomes.set(`${suite.name}/${variant.name}`, outcomesOf(suite, scored));
        const official = suite.official?.(scored);
        if (official === undefined) continue;
        reported.set(`${suite.name}/${variant.name}`, official.figures);
        for (const [name, value] of Object.entries(official.files))
          await output.json(`official/${suite.name}/${variant.name}/${name}`, value);
      }
    }
    await references;
    const scores: Record<string, SuiteScores> = {};
    for (const suite of suites) {
      const of = (variant: string) => outcomes.get(`${suite.name}/${variant}`) ?? [];
      const options = { measures: suite.measures, ks: PASS_AT };
      const { from, to } = params.compare;
      scores[suite.name] = {
        digest: suite.digest,
        problems: suite.problems.length,
        variants: Object.fromEntries(params.variants.map((name) => [name, summarise(of(name), options)])),
        ...(suite.official === undefined
          ? {}
          : {
              official: Object.fromEntries(
                params.variants.map((name) => [name, reported.get(`${suite.name}/${name}`) ?? []]),
              ),
            }),
        comparison: comparePaired(of(from), of(to), options),
      };
    }
    await output.json('scores.json', {
      schema: 2,
      sandbox: sandbox.level,
      toolchains: { ...sandbox.toolchains },
      compared: [params.compare.from, params.compare.to],
      suites: scores,
    } satisfies Scores);
    const unverified = [...outcomes.values()]
      .flat()
      .flatMap((outcome) => outcome.samples)
      .filter((sample) => sample.functional === 'unverified').length;
    return {
      counts: { answers: done, unverified },
      tokens: tokens.total,
      cost_usd: tokens.cost_usd,
      metrics: metricsOf(scores),
    };
  },
});
