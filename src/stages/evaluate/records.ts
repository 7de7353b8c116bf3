import * as z from 'zod';
import type { SandboxLevel } from '../../sandbox/sandbox.js';
import type { PairedComparison, VariantSummary } from '../../suites/figures/metrics.js';
import { caseResultSchema, verdictSchema } from '../../suites/suite.js';

export const VARIANTS = ['base', 'tuned'] as const;
export type Variant = (typeof VARIANTS)[number];

/** One answer to one problem with its score: a line of `samples/<suite>/<variant>.jsonl`. */
export const scoredSampleSchema = z.strictObject({
  schema: z.literal(1),
  suite: z.string(),
  variant: z.enum(VARIANTS),
  problem: z.string(),
  language: z.string(),
  cwes: z.array(z.string()),
  /** 0-based. */
  sample: z.number().int().nonnegative(),
  /** `stop`, `length` ...; `refused` or another reason when the model gave no answer. */
  finish: z.string(),
  reasoning: z.string().nullable(),
  answer: z.string(),
  code: z.string().nullable(),
  functional: verdictSchema,
  security: verdictSchema,
  cases: z.array(caseResultSchema),
  tokens: z.strictObject({ input: z.number(), output: z.number() }),
});
export type ScoredSample = z.infer<typeof scoredSampleSchema>;

/** `scores.json`: every figure of the evaluation. */
export interface Scores {
  readonly schema: 1;
  readonly sandbox: SandboxLevel;
  /** Toolchain versions by language; a language that is not here was not scored. */
  readonly toolchains: Readonly<Record<string, string>>;
  readonly suites: Readonly<Record<string, SuiteScores>>;
}

export interface SuiteScores {
  readonly digest: string;
  readonly problems: number;
  readonly variants: Readonly<Record<Variant, VariantSummary>>;
  /** Tuned minus base, paired by problem. */
  readonly comparison: PairedComparison;
}

/** Reads `scores.json` back. Only its version is checked: it comes out of an artifact whose hash was. */
export const scoresSchema: z.ZodType<Scores> = z.custom<Scores>(
  (value) => typeof value === 'object' && value !== null && 'schema' in value && value.schema === 1,
);
