import * as z from 'zod';
import { sha256Schema } from '../../base/hash.js';
import { jsonSchema } from '../../base/json.js';
import { countsSchema } from '../artifacts/manifest.js';

/**
 * The journal's events, declared once: what is written, what another process reads back, and their types. Terminal view, `status`,
 * `logs`, the report and `--json` all read them.
 */

const tokensSchema = z.object({ input: z.number(), output: z.number() }).readonly();

/** Work done so far; `total` is left out while unknown. `tokens` and `cost_usd`: what the answers took that the stage has used so far. */
const progressSchema = z.object({
  type: z.literal('progress'),
  done: z.number(),
  total: z.number().exactOptional(),
  unit: z.string(),
  note: z.string().exactOptional(),
  tokens: tokensSchema.exactOptional(),
  cost_usd: z.number().exactOptional(),
});

/** A point of a curve, e.g. a training step with loss and learning rate. NaN is `null`. */
const metricSchema = z.object({
  type: z.literal('metric'),
  step: z.number(),
  values: z.record(z.string(), z.number().nullable()).readonly(),
});

const logSchema = z.object({ type: z.literal('log'), level: z.enum(['debug', 'info', 'warn']), message: z.string() });

/** What a stage may say while it runs. */
export type StageEvent = Readonly<z.output<typeof progressSchema | typeof metricSchema | typeof logSchema>>;
export type ProgressEvent = Extract<StageEvent, { readonly type: 'progress' }>;

/** `stopped`: cut off in the middle, by an interruption or because another stage failed; it goes on from there the next time. */
const stageOutcomeSchema = z.enum(['done', 'cached', 'skipped', 'stopped', 'failed']);
export type StageOutcome = z.output<typeof stageOutcomeSchema>;

/** What went wrong, as data: the same fields that a `SecpiError` carries. */
const errorSchema = z.object({ code: z.string(), message: z.string(), hint: z.string().exactOptional() }).readonly();
export type ErrorReport = z.output<typeof errorSchema>;

/** A stage's line in the run's summary. */
const stageSummarySchema = z
  .object({
    stage: z.string(),
    outcome: stageOutcomeSchema,
    fingerprint: sha256Schema.nullable(),
    seconds: z.number(),
  })
  .readonly();
export type StageSummary = z.output<typeof stageSummarySchema>;

/** The last event of a run; also `.secpi/runs/<run>/summary.json`. */
export const runFinishedSchema = z.object({
  type: z.literal('run-finished'),
  run: z.string(),
  /** `detached`: it has left, and what it had begun on other machines goes on. */
  outcome: z.enum(['done', 'failed', 'interrupted', 'detached', 'gate']),
  /** Of its process. */
  exit_code: z.int().exactOptional(),
  seconds: z.number(),
  stages: z.array(stageSummarySchema).readonly(),
  /** Merged from the stages' results, e.g. `{ mini: { base: {...}, tuned: {...} } }`. */
  metrics: z.record(z.string(), jsonSchema).readonly(),
  /** Of the answers that its stages have used, be they bought in this run or before; also of one that did not come to its end. */
  tokens: tokensSchema.exactOptional(),
  cost_usd: z.number().exactOptional(),
  error: errorSchema.exactOptional(),
});
export type RunFinished = Readonly<z.output<typeof runFinishedSchema>>;

/** Which of the runs that a recipe's `matrix` stands for a run is: its name, and in short words what each axis is in it. */
export const runMemberSchema = z
  .object({ name: z.string(), axes: z.record(z.string(), z.string()).readonly() })
  .readonly();
export type RunMember = z.output<typeof runMemberSchema>;

/** Of a stage. */
const staged = { stage: z.string() };

const runEventSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('run-started'),
    run: z.string(),
    recipe: z.string(),
    recipe_sha256: sha256Schema,
    stages: z.array(z.string()).readonly(),
    version: z.string(),
    /** Names the runs that were started together. */
    sweep: z.string().exactOptional(),
    member: runMemberSchema.exactOptional(),
  }),
  z.object({
    type: z.literal('stage-started'),
    ...staged,
    fingerprint: sha256Schema,
    why: z.string(),
    resumed: z.boolean(),
  }),
  /** Somebody else is making the same. */
  z.object({ type: z.literal('stage-waiting'), ...staged, fingerprint: sha256Schema, owner: z.string() }),
  progressSchema.extend(staged),
  metricSchema.extend(staged),
  logSchema.extend(staged),
  z.object({
    type: z.literal('stage-finished'),
    ...staged,
    outcome: stageOutcomeSchema,
    fingerprint: sha256Schema.nullable(),
    seconds: z.number(),
    counts: countsSchema.readonly().exactOptional(),
    reasons: countsSchema.readonly().exactOptional(),
    tokens: tokensSchema.exactOptional(),
    cost_usd: z.number().exactOptional(),
    why: z.string().exactOptional(),
    error: errorSchema.exactOptional(),
  }),
  /** A signal of the system, or `cancel` or `leave`: another process has asked for it. */
  z.object({ type: z.literal('interrupted'), signal: z.string() }),
  runFinishedSchema,
]);
export type RunEvent = Readonly<z.output<typeof runEventSchema>>;

/** An event as it stands in the journal and on stdout: with its time (ISO 8601, UTC). */
export type JournalEvent = RunEvent & { readonly time: string };

const timeSchema = z.object({ time: z.string() });

/**
 * Reads one line of a journal. Undefined for a line that this version does not know (a later one has written it) or that is
 * damaged: whoever looks at a run wants to see the rest of it.
 */
export function parseEvent(line: string): JournalEvent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const event = runEventSchema.safeParse(value);
  const time = timeSchema.safeParse(value);
  return event.success && time.success ? { ...event.data, ...time.data } : undefined;
}
