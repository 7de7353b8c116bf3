import * as z from 'zod';
import type { SandboxLevel } from '../../sandbox/sandbox.js';
import type { PairedComparison, VariantSummary } from '../../suites/figures/metrics.js';
import { caseResultSchema, type OfficialFigure, verdictSchema } from '../../suites/suite.js';

/**
 * What became of a question. `no_code`: an answer, and nothing in it to judge. `no_answer`: the thinking was cut off before an answer
 * began. `refused`: by the model or its server.
 */
export const ANSWERED = ['code', 'no_code', 'no_answer', 'refused'] as const;

/**
 * One answer to one problem with its score: a line of `samples/<suite>/<variant>.jsonl`. Holds all that it takes to judge it again
 * (`secpi score`), and nothing that is another one when the same run is made again, such as a time.
 */
export const scoredSampleSchema = z.strictObject({
  schema: z.literal(2),
  suite: z.string(),
  variant: z.string(),
  problem: z.string(),
  language: z.string(),
  cwes: z.array(z.string()),
  /** 0-based. */
  sample: z.number().int().nonnegative(),
  /** The question as it was asked; empty where that is not known. */
  messages: z.array(z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })),
  /** `stop`, `length` ...; `refused` or another reason when the model gave no answer. */
  finish: z.string(),
  answered: z.enum(ANSWERED),
  reasoning: z.string().nullable(),
  /** What the model said after its reasoning, as it came. */
  answer: z.string(),
  /** What of it was judged: files by their path. */
  submission: z.record(z.string(), z.string()).nullable(),
  /** The same as a person reads it. */
  code: z.string().nullable(),
  functional: verdictSchema,
  security: verdictSchema,
  cases: z.array(caseResultSchema),
  /** It was judged with nothing else running: its tests need that, or it ran out of time beside others. */
  alone: z.boolean(),
  /** The judged code runs in the process that judges it, and could forge its verdicts. */
  forgeable: z.boolean(),
  tokens: z.strictObject({ input: z.number(), output: z.number() }),
});
export type ScoredSample = z.infer<typeof scoredSampleSchema>;

/** Figures of samples, whoever asked for them. */
export interface Figures {
  readonly schema: 2;
  readonly sandbox: SandboxLevel;
  /** Toolchain versions by language; a language that is not here was not scored. */
  readonly toolchains: Readonly<Record<string, string>>;
  readonly suites: Readonly<Record<string, SuiteFigures>>;
}

export interface SuiteFigures {
  readonly digest: string;
  readonly problems: number;
  /** By name, in the order of the recipe. */
  readonly variants: Readonly<Record<string, VariantSummary>>;
  /** As the suite's own harness reports them, of each variant; not there where it has none. */
  readonly official?: Readonly<Record<string, readonly OfficialFigure[]>>;
}

/** `scores.json`: every figure of the evaluation. */
export interface Scores extends Figures {
  /** The two variants that are compared: the second minus the first. */
  readonly compared: readonly [string, string];
  readonly suites: Readonly<Record<string, SuiteScores>>;
}

export interface SuiteScores extends SuiteFigures {
  /** Of the two that are compared, paired by problem. */
  readonly comparison: PairedComparison;
}

/** Reads the figures of each variant, from scores of an earlier version too: that part was the same. */
export const figuresSchema: z.ZodType<Pick<Figures, 'suites'>> = z.custom<Pick<Figures, 'suites'>>(
  (value) =>
    typeof value === 'object' && value !== null && 'schema' in value && (value.schema === 1 || value.schema === 2),
);

/** Reads `scores.json` back. Only its version is checked: it comes out of an artifact whose hash was. */
export const scoresSchema: z.ZodType<Scores> = z.custom<Scores>(
  (value) => typeof value === 'object' && value !== null && 'schema' in value && value.schema === 2,
);
