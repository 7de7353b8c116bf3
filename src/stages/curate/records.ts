import * as z from 'zod';

/** What the target model is trained on: the task as its user wrote it, and the trace that followed. No security hint. */
export const sampleSchema = z.strictObject({
  schema: z.literal(1),
  /** `sample-` + 16 hex digits over prompt and completion. */
  id: z.string().regex(/^sample-[0-9a-f]{16}$/),
  prompt: z.string(),
  /** `<think>\n` reasoning `\n</think>\n\n` answer; the end-of-turn token is added when it is tokenised. */
  completion: z.string(),
  language: z.string(),
  cwes: z.array(z.string()),
  task_id: z.string(),
  source: z.string(),
  licence: z.string().nullable(),
});
export type Sample = z.infer<typeof sampleSchema>;

/** Why a trace is not trained on. The order is the order of the checks; the first that fires is counted. */
export const CURATE_REASONS = [
  'finish_length',
  'finish_content_filter',
  'finish_other',
  'think_missing',
  'think_tags',
  'think_short',
  'answer_short',
  'no_code',
  'prompt_leak',
  'no_weakness_discussed',
  'no_mitigation_named',
  'too_long',
  'duplicate',
  'contaminated',
] as const;
export type CurateReason = (typeof CURATE_REASONS)[number];

export const droppedTraceSchema = z.strictObject({
  schema: z.literal(1),
  trace_id: z.string(),
  task_id: z.string(),
  language: z.string(),
  cwes: z.array(z.string()),
  code: z.enum(CURATE_REASONS),
  /** What exactly was found, for a person. */
  detail: z.string(),
});
export type DroppedTrace = z.infer<typeof droppedTraceSchema>;

/** How many records were left after each step, for all, per language and per weakness. */
const step = z.strictObject({ tasks: z.number(), relevant: z.number(), traces: z.number(), samples: z.number() });
export const funnelSchema = z.strictObject({
  schema: z.literal(1),
  total: step,
  by_language: z.record(z.string(), step),
  /** A record with several weaknesses counts for each; tasks have none before the filter, so theirs is 0. */
  by_cwe: z.record(z.string(), step),
});
export type Funnel = z.infer<typeof funnelSchema>;
export type FunnelStep = z.infer<typeof step>;
