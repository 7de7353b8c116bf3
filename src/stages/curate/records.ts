import * as z from 'zod';
import { judgementSchema } from '../../security/prompts/judgement.js';

/** The file of all samples: packed, like the traces that they are made of. */
export const SAMPLES = 'samples.jsonl.gz';

/** What the target model is trained on: the task as its user wrote it, and the trace that followed. No security hint. */
export const sampleSchema = z.strictObject({
  schema: z.literal(1),
  /** `sample-` + 16 hex digits over prompt and completion. */
  id: z.string().regex(/^sample-[0-9a-f]{16}$/),
  prompt: z.string(),
  /** `<think>\n` reasoning `\n</think>\n\n` answer; the end-of-turn token is added when it is tokenised. */
  completion: z.string(),
  language: z.string(),
  /** Of an ordinary sample (`curate.mix`), and of no other, there are none. */
  cwes: z.array(z.string()),
  task_id: z.string(),
  source: z.string(),
  licence: z.string().nullable(),
});
export type Sample = z.infer<typeof sampleSchema>;

/**
 * What looks at each trace, in the order in which it does; a recipe switches each on or off (`curate.filters`).
 *
 * `finish`: the teacher came to an end. `think`: there is reasoning, long enough, without tags in it. `answer`: an answer, long enough.
 * `refusal`: it does what was asked for. `code`: a fenced block that is not empty. `parse`: the program in it can be parsed. `leak`: nothing gives the
 * guidance away. `giveaway`: it does not sound as if somebody had. `depth`: something that prevents a weakness is named. `repetition`: the text does not go in circles. `function`: what the task names is in the code, which is not
 * half as long as that of other samples. `actuation`: the code shows what prevents the weaknesses, and
 * not what causes them. `analysers`: those that the recipe names find nothing (`curate.analysers`). `length`: neither too long nor far from what is usual. `duplicate` and `contamination`: not a second time, and nothing of a benchmark.
 */
export const FILTERS = [
  'finish',
  'think',
  'answer',
  'refusal',
  'code',
  'parse',
  'leak',
  'giveaway',
  'depth',
  'repetition',
  'function',
  'actuation',
  'analysers',
  'length',
  'duplicate',
  'contamination',
] as const;
export type FilterName = (typeof FILTERS)[number];

/** The filters, and behind them the model that a recipe may ask about what they let through (`curate.judge`). */
export const OBJECTORS = [...FILTERS, 'judge'] as const;
export type ObjectorName = (typeof OBJECTORS)[number];

/** Why a trace is not trained on, and which filter says so. The order is the order of the checks; the first that fires is counted. */
export const CURATE_REASONS = {
  finish_length: 'finish',
  finish_content_filter: 'finish',
  finish_other: 'finish',
  think_missing: 'think',
  think_tags: 'think',
  think_short: 'think',
  answer_short: 'answer',
  refused: 'refusal',
  no_code: 'code',
  code_unparsable: 'parse',
  prompt_leak: 'leak',
  given_away: 'giveaway',
  no_mitigation_named: 'depth',
  repetition: 'repetition',
  function_missing: 'function',
  code_shrunk: 'function',
  mistake_in_code: 'actuation',
  mitigation_not_in_code: 'actuation',
  analyser_finding: 'analysers',
  too_long: 'length',
  length_unusual: 'length',
  duplicate: 'duplicate',
  contaminated: 'contamination',
  judged_leak: 'judge',
  judged_shallow: 'judge',
  not_among_best: null,
  over_cap: null,
} as const satisfies Readonly<Record<string, ObjectorName | null>>;
export type CurateReason = keyof typeof CURATE_REASONS;
const codes = Object.keys(CURATE_REASONS) as [CurateReason, ...CurateReason[]];

/** What the stage calls the count of samples that hold something of a suite. */
export function inSuite(suite: string): string {
  return `in_${suite}`;
}

export const droppedTraceSchema = z.strictObject({
  schema: z.literal(1),
  trace_id: z.string(),
  task_id: z.string(),
  language: z.string(),
  cwes: z.array(z.string()),
  code: z.enum(codes),
  /** What exactly was found, for a person. */
  detail: z.string(),
});
export type DroppedTrace = z.infer<typeof droppedTraceSchema>;

/** A row of the mix that is not trained on, and why. A line of `mix-dropped.jsonl`. */
export const droppedMixRowSchema = z.strictObject({
  schema: z.literal(1),
  source: z.string(),
  /** The file of that source. */
  file: z.string(),
  /** Counts from 1; in a JSON Lines file it is the line. */
  row: z.number().int().positive(),
  code: z.enum(['bad_row', 'placeholder', 'denied_licence', 'near_duplicate', ...codes]),
  /** What exactly was found, for a person. */
  detail: z.string(),
});
export type DroppedMixRow = z.infer<typeof droppedMixRowSchema>;

/** What the judge said of one trace that the filters let through. */
export const judgedTraceSchema = z.strictObject({
  schema: z.literal(1),
  trace_id: z.string(),
  task_id: z.string(),
  /** `null`: it gave none that can be used. */
  judgement: judgementSchema.nullable(),
  /** Why there is none. */
  unusable: z.string().nullable(),
});
export type JudgedTrace = z.infer<typeof judgedTraceSchema>;

/** What the analysers said of the code of one trace. */
export const analysedTraceSchema = z.strictObject({
  schema: z.literal(1),
  trace_id: z.string(),
  task_id: z.string(),
  looks: z.array(
    z.strictObject({
      analyser: z.string(),
      verdict: z.enum(['pass', 'unverified', 'finding']),
      /** Why it has not looked, or not at all of it. */
      why: z.string().nullable(),
      /** The first 20; those of rules for the task's weaknesses stand first. */
      findings: z.array(
        z.strictObject({
          rule: z.string(),
          line: z.number(),
          /** The task's weaknesses that the rule speaks of. */
          cwes: z.array(z.string()),
          says: z.string(),
        }),
      ),
    }),
  ),
});
export type AnalysedTrace = z.infer<typeof analysedTraceSchema>;

/** What one filter did to the traces, by itself and beside the others. */
const ablationSchema = z.strictObject({
  filter: z.enum(OBJECTORS),
  /** One that is off only says what it would do. */
  on: z.boolean(),
  /** Traces that it objects to. */
  objects: z.number(),
  /** Traces that it is the only one of those switched on to object to: so many more samples there would be without it, before caps. */
  alone: z.number(),
  /** Traces of which it could say nothing. They are kept. */
  unverified: z.number(),
});
export type Ablation = z.infer<typeof ablationSchema>;

/** What became of the mix (`curate.mix`). */
const mixCount = z.strictObject({
  /** Of all samples that was wanted. */
  share: z.number(),
  /** Rows in its sources. */
  rows: z.number(),
  /** Those that are trained on. */
  samples: z.number(),
  by_language: z.record(z.string(), z.number()),
  /** By reason. Other rows were not drawn. */
  dropped: z.record(z.string(), z.number()),
});
export type MixCount = z.infer<typeof mixCount>;

/** How many records were left after each step, for all, per language and per weakness. */
const step = z.strictObject({ tasks: z.number(), relevant: z.number(), traces: z.number(), samples: z.number() });
export const funnelSchema = z.strictObject({
  schema: z.literal(2),
  total: step,
  by_language: z.record(z.string(), step),
  /** A record with several weaknesses counts for each; tasks have none before the filter, so theirs is 0. */
  by_cwe: z.record(z.string(), step),
  filters: z.array(ablationSchema),
  /** Ordinary samples beside those: they come from no task of this run. */
  mix: mixCount.optional(),
});
export type Funnel = z.infer<typeof funnelSchema>;

/** All that is trained on. */
export function samplesIn({ total, mix }: Pick<Funnel, 'total' | 'mix'>): number {
  return total.samples + (mix?.samples ?? 0);
}

export type FunnelStep = z.infer<typeof step>;
