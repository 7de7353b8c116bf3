import type { Manifest } from '../../engine/artifacts/manifest.js';
import type { VariantSummary } from '../../suites/figures/metrics.js';
import { baseSchema } from '../base/records.js';
import {
  type Funnel,
  funnelSchema,
  inSuite,
  SAMPLES,
  type Sample,
  sampleSchema,
  samplesIn,
} from '../curate/records.js';
import { type ScoredSample, scoredSampleSchema, scoresSchema } from '../evaluate/records.js';
import type { StageContextOf } from '../services.js';
import { lossSchema, trainedSchema } from '../train/records.js';
import type { ReportInput, ReportParams } from './report.js';
import type { ReportAnswers, ReportArtifact, ReportData, ReportSuite, ReportTrace } from './report-data.js';

const tracesShown = 3;
const answersShown = 2;

/** Reads the artifacts into the figures and examples of the report. */
export async function gather({
  params,
  inputs,
  services,
}: StageContextOf<ReportParams, ReportInput>): Promise<ReportData> {
  const scores = await inputs.scores.json('scores.json', scoresSchema);
  const { name, origin, revision } = await inputs.base.json('base.json', baseSchema);
  const [from, to] = scores.compared;
  const funnel = await inputs.samples.json('funnel.json', funnelSchema);
  const { counts } = inputs.samples.manifest;
  const inSamples = Object.fromEntries(Object.keys(scores.suites).map((name) => [name, counts[inSuite(name)] ?? 0]));
  const suites = Object.entries(scores.suites).map(([suite, { problems, variants, comparison, official }]) => {
    const { [from]: base, [to]: tuned } = variants;
    if (base === undefined || tuned === undefined) throw new TypeError('what is compared was evaluated');
    return {
      name: suite,
      problems,
      base,
      tuned,
      variants,
      comparison,
      ...(official === undefined ? {} : { official }),
      unseen: unseenIn(base, funnel),
    };
  });
  const answers: ReportAnswers[] = [];
  for (const { name: suite } of suites) {
    const of = (variant: string) =>
      collect(inputs.scores.rows(`samples/${suite}/${variant}.jsonl`, scoredSampleSchema));
    const { problems } = await services.suite(suite);
    const questions = new Map(problems.map(({ id, prompt }) => [id, prompt]));
    answers.push(...contrasts(await of(from), await of(to), questions));
  }
  const evaluated = await Promise.all(suites.map(({ name: suite }) => services.suite(suite)));
  const forgeable = evaluated.flatMap((suite) =>
    suite.problems.filter((problem) => suite.forgeable(problem)).map(({ id }) => `${suite.name}/${id}`),
  );
  const mentioned = new Set([
    ...Object.keys(funnel.by_cwe),
    ...suites.flatMap(({ base }) => Object.keys(base.per_cwe)),
  ]);
  const weaknesses = [...services.catalogue.entries.values()].flatMap(({ id, name, aliases }): [string, string][] =>
    mentioned.has(id) ? [[id, aliases[0] ?? name]] : [],
  );
  return {
    schema: 2,
    recipe: params.recipe,
    title: params.title ?? `${name}, tuned with ${params.recipe}`,
    description: params.description ?? null,
    notices: noticesOf(suites, inSamples, funnel, scores.sandbox.kind),
    compared: scores.compared,
    suites,
    weaknesses: Object.fromEntries(weaknesses),
    funnel,
    in_samples: inSamples,
    dropped: Object.values(inputs).flatMap(({ manifest }) =>
      Object.entries(manifest.reasons).map(([reason, count]) => ({ stage: manifest.stage, reason, count })),
    ),
    base: { name, origin, revision },
    trained: await inputs.trained.json('train.json', trainedSchema),
    losses: await collect(inputs.trained.rows('loss.jsonl', lossSchema)),
    traces: varied(await collect(inputs.samples.rows(SAMPLES, sampleSchema))),
    answers: answers.slice(0, answersShown),
    artifacts: Object.values(inputs).map(({ manifest }) => artifactOf(manifest)),
    sandbox: scores.sandbox,
    toolchains: scores.toolchains,
    forgeable,
  };
}

function noticesOf(
  suites: ReportData['suites'],
  inSamples: ReportData['in_samples'],
  funnel: Funnel,
  sandbox: string,
): string[] {
  const notices: string[] = [];
  for (const { name, variants } of suites) {
    const all = Object.values(variants);
    const held = inSamples[name] ?? 0;
    if (held > 0) {
      notices.push(
        `${held} of the ${samplesIn(funnel)} samples that were trained on hold tasks, tests or solutions of ${name}, which the recipe accepts (curate.on_contamination: report). These figures show that the flow works; they say nothing about how the model does on problems it has not seen.`,
      );
    }
    const unverified = all.reduce((sum, variant) => sum + variant.unverified, 0);
    if (unverified > 0) {
      const of = Object.keys(all[0]?.per_language ?? {}).filter((language) =>
        all.some((variant) => (variant.per_language[language]?.unverified ?? 0) > 0),
      );
      notices.push(
        `${unverified === 1 ? '1 answer' : `${unverified} answers`} to ${name} (${of.join(', ')}) could not be checked on the machine that scored them (a compiler was missing, say): neither a pass nor a fail.`,
      );
    }
  }
  if (sandbox === 'none') notices.push('The code was scored without a sandbox, as the recipe asked for.');
  return notices;
}

/** Groups of which nothing was trained on: a gain there is one that carried over. A weakness is known by its own number alone. */
function unseenIn(
  { per_cwe, per_language }: VariantSummary,
  { by_cwe, by_language, mix }: Funnel,
): ReportSuite['unseen'] {
  const absent = (groups: object, trained: (name: string) => number | undefined) =>
    Object.keys(groups).filter((name) => (trained(name) ?? 0) === 0);
  return {
    cwes: absent(per_cwe, (name) => by_cwe[name]?.samples),
    languages: absent(per_language, (name) => by_language[name]?.samples || mix?.by_language[name]),
  };
}

/** Samples that differ in language and weakness, in the order of the data: one of each before a second of any. None of the mix. */
function varied(all: readonly Sample[]): ReportTrace[] {
  const samples = all.filter(({ cwes }) => cwes.length > 0);
  const chosen: Sample[] = [];
  for (const isNew of [
    (sample: Sample) =>
      !chosen.some(({ language, cwes }) => language === sample.language || cwes[0] === sample.cwes[0]),
    (sample: Sample) => !chosen.includes(sample),
  ]) {
    for (const sample of samples) if (chosen.length < tracesShown && isNew(sample)) chosen.push(sample);
  }
  return chosen.map(({ language, cwes, prompt, completion }) => {
    const [reasoning = '', answer = ''] = completion.replace(/^<think>\n/, '').split('\n</think>\n\n');
    return { language, cwes, prompt, reasoning, answer };
  });
}

/** Problems that the base model solved insecurely and the tuned one securely; short code first, because it is read. */
function contrasts(
  base: readonly ScoredSample[],
  tuned: readonly ScoredSample[],
  questions: ReadonlyMap<string, string>,
): ReportAnswers[] {
  const found = base.flatMap((before) => {
    if (before.functional !== 'pass' || before.security !== 'fail') return [];
    const after = tuned.find(
      (sample) => sample.problem === before.problem && sample.functional === 'pass' && sample.security === 'pass',
    );
    return after === undefined ? [] : [{ before, after }];
  });
  const size = ({ before, after }: { before: ScoredSample; after: ScoredSample }) =>
    (before.code ?? '').length + (after.code ?? '').length;
  found.sort((left, right) => size(left) - size(right));
  const part = ({ reasoning, code, cases }: ScoredSample) => ({ reasoning, code, cases });
  return found.map(({ before, after }) => ({
    problem: before.problem,
    question: questions.get(before.problem) ?? null,
    language: before.language,
    cwes: before.cwes,
    base: part(before),
    tuned: part(after),
  }));
}

function artifactOf({ stage, fingerprint, digest, counts, tokens, tools, preimage }: Manifest): ReportArtifact {
  const pins = typeof preimage === 'object' && preimage !== null && 'pins' in preimage ? preimage.pins : {};
  return { stage, fingerprint, digest, counts, tokens, tools, pins };
}

async function collect<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const row of rows) all.push(row);
  return all;
}
