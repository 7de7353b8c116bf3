import type { PairedComparison, VariantSummary } from '../../suites/figures/metrics.js';
import type { Funnel } from '../curate/records.js';
import type { ScoredSample, Scores, SuiteFigures } from '../evaluate/records.js';
import type { Loss, Trained } from '../train/records.js';

/** The drawn loss curve in the report's artifact; not there when no loss was logged. */
export const LOSS_CHART = 'loss.svg';

/** Everything the report shows, as data: `report.json`. Free of times and of the machine, so that it reproduces byte for byte. */
export interface ReportData {
  readonly schema: 2;
  readonly recipe: string;
  readonly title: string;
  readonly description: string | null;
  /** What a reader must know before any figure. */
  readonly notices: readonly string[];
  /** The two variants that are compared: those that `base` and `tuned` stand for below. */
  readonly compared: readonly [string, string];
  readonly suites: readonly ReportSuite[];
  /** Short names of weaknesses, by id. */
  readonly weaknesses: Readonly<Record<string, string>>;
  readonly funnel: Funnel;
  /** How many samples hold something of a suite, by its name; the recipe accepts it if any do. */
  readonly in_samples: Readonly<Record<string, number>>;
  /** Why records were dropped, by stage and reason code. */
  readonly dropped: readonly { readonly stage: string; readonly reason: string; readonly count: number }[];
  readonly base: { readonly name: string; readonly origin: string; readonly revision: string | null };
  readonly trained: Trained;
  readonly losses: readonly Loss[];
  readonly traces: readonly ReportTrace[];
  readonly answers: readonly ReportAnswers[];
  readonly artifacts: readonly ReportArtifact[];
  readonly sandbox: Scores['sandbox'];
  readonly toolchains: Readonly<Record<string, string>>;
  /** Problems, as `suite/problem`, whose verdicts the judged code could forge. */
  readonly forgeable: readonly string[];
}

export interface ReportSuite {
  readonly name: string;
  readonly problems: number;
  readonly base: VariantSummary;
  readonly tuned: VariantSummary;
  /** All variants by name, those two too. */
  readonly variants: Readonly<Record<string, VariantSummary>>;
  readonly comparison: PairedComparison;
  /** What the suite's own harness would report, by variant; not there where it has none. */
  readonly official?: NonNullable<SuiteFigures['official']>;
  /** Weaknesses and languages of the suite of which no sample was trained on. */
  readonly unseen: { readonly cwes: readonly string[]; readonly languages: readonly string[] };
}

/** A sample the model was trained on. */
export interface ReportTrace {
  readonly language: string;
  readonly cwes: readonly string[];
  readonly prompt: string;
  readonly reasoning: string;
  readonly answer: string;
}

/** The same question, answered by the base model (works, but insecure) and by the tuned one (works and is secure), or whatever two are compared. */
export interface ReportAnswers {
  readonly problem: string;
  /** What both were asked; `null` when the suite no longer knows the problem. */
  readonly question: string | null;
  readonly language: string;
  readonly cwes: readonly string[];
  readonly base: Pick<ScoredSample, 'reasoning' | 'code' | 'cases'>;
  readonly tuned: Pick<ScoredSample, 'reasoning' | 'code' | 'cases'>;
}

/** One artifact that the figures rest on, with what pins it. */
export interface ReportArtifact {
  readonly stage: string;
  readonly fingerprint: string;
  readonly digest: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly tokens: { readonly input: number; readonly output: number };
  readonly tools: Readonly<Record<string, string>>;
  readonly pins: unknown;
}

/** What one run adds: how long it took, what it cost and where it ran. Never part of the artifact. */
export interface ReportRun {
  readonly run: string;
  /** Which of a matrix it is. */
  readonly member?: string;
  readonly outcome: string;
  readonly started_at: string;
  readonly seconds: number;
  readonly version: string;
  readonly host: string;
  /** What its training took of the machine: the median of its steps, and the most memory of one GPU. Not there where it trained nothing. */
  readonly training?: { readonly tokens_per_second: number; readonly mfu: number | null; readonly memory_gib: number };
  readonly stages: readonly {
    readonly stage: string;
    readonly outcome: string;
    /** In this run; next to nothing for a cached stage. */
    readonly seconds: number;
    /** When the artifact was made, by whichever run. */
    readonly made_in_seconds: number | null;
    readonly cost_usd: number;
  }[];
}
