import { z } from 'zod';
import { countsSchema, jsonSchema, sha256Schema } from '../artifacts/manifest.js';
import type { JournalEvent, RunFinished } from './event.js';

const tokensSchema = z.object({ input: z.number(), output: z.number() });
const stageOutcomeSchema = z.enum(['done', 'cached', 'skipped', 'failed']);
const errorSchema = z.object({ code: z.string(), message: z.string(), hint: z.string().exactOptional() });

const runFinishedShape = z.object({
  type: z.literal('run-finished'),
  run: z.string(),
  outcome: z.enum(['done', 'failed', 'interrupted', 'gate']),
  seconds: z.number(),
  stages: z.array(
    z.object({
      stage: z.string(),
      outcome: stageOutcomeSchema,
      fingerprint: sha256Schema.nullable(),
      seconds: z.number(),
    }),
  ),
  metrics: z.record(z.string(), jsonSchema),
  error: errorSchema.exactOptional(),
});

/** `summary.json`. */
export const runFinishedSchema: z.ZodType<RunFinished> = runFinishedShape;

const time = { time: z.string() };
const staged = { time: z.string(), stage: z.string() };

/** One line of `events.jsonl`, as read back by another process. */
export const journalEventSchema: z.ZodType<JournalEvent> = z.discriminatedUnion('type', [
  z.object({
    ...time,
    type: z.literal('run-started'),
    run: z.string(),
    recipe: z.string(),
    recipe_sha256: sha256Schema,
    stages: z.array(z.string()),
    version: z.string(),
  }),
  z.object({
    ...staged,
    type: z.literal('stage-started'),
    fingerprint: sha256Schema,
    why: z.string(),
    resumed: z.boolean(),
  }),
  z.object({ ...staged, type: z.literal('stage-waiting'), fingerprint: sha256Schema, owner: z.string() }),
  z.object({
    ...staged,
    type: z.literal('progress'),
    done: z.number(),
    total: z.number().exactOptional(),
    unit: z.string(),
    note: z.string().exactOptional(),
  }),
  z.object({
    ...staged,
    type: z.literal('metric'),
    step: z.number(),
    values: z.record(z.string(), z.number().nullable()),
  }),
  z.object({ ...staged, type: z.literal('log'), level: z.enum(['debug', 'info', 'warn']), message: z.string() }),
  z.object({
    ...staged,
    type: z.literal('stage-finished'),
    outcome: stageOutcomeSchema,
    fingerprint: sha256Schema.nullable(),
    seconds: z.number(),
    counts: countsSchema.exactOptional(),
    reasons: countsSchema.exactOptional(),
    tokens: tokensSchema.exactOptional(),
    cost_usd: z.number().exactOptional(),
    why: z.string().exactOptional(),
    error: errorSchema.exactOptional(),
  }),
  z.object({ ...time, type: z.literal('interrupted'), signal: z.string() }),
  runFinishedShape.extend(time),
]);
