import * as z from 'zod';
import { relevantTaskSchema } from '../filter/records.js';

/** The file of all traces: packed, since they are most of what a run writes, and the answer store has their texts once more. */
export const TRACES = 'traces.jsonl.gz';

/** A teacher's answer to one task: its reasoning and its answer, kept apart. */
export const traceSchema = z.strictObject({
  schema: z.literal(1),
  /** `trace-` + 16 hex digits over task, sample and text. */
  id: z.string().regex(/^trace-[0-9a-f]{16}$/),
  task: relevantTaskSchema,
  /** 0-based. */
  sample: z.number().int().nonnegative(),
  reasoning: z.string().nullable(),
  answer: z.string(),
  finish: z.enum(['stop', 'length', 'content_filter', 'other']),
  tokens: z.strictObject({ input: z.number(), output: z.number() }),
});
export type Trace = z.infer<typeof traceSchema>;

/** A question to the teacher that gave no trace. */
export const missingTraceSchema = z.strictObject({
  schema: z.literal(1),
  task_id: z.string(),
  language: z.string(),
  cwes: z.array(z.string()),
  sample: z.number().int().nonnegative(),
  code: z.enum(['unparsable', 'truncated', 'refused']),
  reason: z.string(),
});
export type MissingTrace = z.infer<typeof missingTraceSchema>;
