import type { Sha256 } from '../../base/hash.js';
import type { Json } from '../../base/json.js';

/** What a stage may say while it runs. */
export type StageEvent =
  /** Work done so far; `total` is left out while unknown. */
  | {
      readonly type: 'progress';
      readonly done: number;
      readonly total?: number;
      readonly unit: string;
      readonly note?: string;
    }
  /** A point of a curve, e.g. a training step with loss and learning rate. NaN is `null`. */
  | { readonly type: 'metric'; readonly step: number; readonly values: Readonly<Record<string, number | null>> }
  | { readonly type: 'log'; readonly level: 'debug' | 'info' | 'warn'; readonly message: string };

export type StageOutcome = 'done' | 'cached' | 'skipped' | 'failed';
export type RunOutcome = 'done' | 'failed' | 'interrupted' | 'gate';

/** A stage's line in the run's summary. */
export interface StageSummary {
  readonly stage: string;
  readonly outcome: StageOutcome;
  readonly fingerprint: Sha256 | null;
  readonly seconds: number;
}

/** What went wrong, as data: the same fields that a `SecpiError` carries. */
export interface ErrorReport {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

/** The last event of a run; also `.secpi/runs/<run>/summary.json`. */
export interface RunFinished {
  readonly type: 'run-finished';
  readonly run: string;
  readonly outcome: RunOutcome;
  readonly seconds: number;
  readonly stages: readonly StageSummary[];
  /** Merged from the stages' results, e.g. `{ mini: { base: {...}, tuned: {...} } }`. */
  readonly metrics: Readonly<Record<string, Json>>;
  readonly error?: ErrorReport;
}

/**
 * The journal's one event union: terminal view, `status`, `logs`, the report and `--json` all read it.
 * On disk and on stdout every event also carries `time` (ISO 8601, UTC) and, inside a stage, `stage`.
 */
export type RunEvent =
  | {
      readonly type: 'run-started';
      readonly run: string;
      readonly recipe: string;
      readonly recipe_sha256: Sha256;
      readonly stages: readonly string[];
      readonly version: string;
    }
  | {
      readonly type: 'stage-started';
      readonly stage: string;
      readonly fingerprint: Sha256;
      readonly why: string;
      readonly resumed: boolean;
    }
  | { readonly type: 'stage-waiting'; readonly stage: string; readonly fingerprint: Sha256; readonly owner: string }
  | ({ readonly stage: string } & StageEvent)
  | {
      readonly type: 'stage-finished';
      readonly stage: string;
      readonly outcome: StageOutcome;
      readonly fingerprint: Sha256 | null;
      readonly seconds: number;
      readonly counts?: Readonly<Record<string, number>>;
      readonly reasons?: Readonly<Record<string, number>>;
      readonly tokens?: { readonly input: number; readonly output: number };
      readonly cost_usd?: number;
      readonly why?: string;
      readonly error?: ErrorReport;
    }
  | { readonly type: 'interrupted'; readonly signal: string }
  | RunFinished;

/** An event as it stands in the journal and on stdout. */
export type JournalEvent = RunEvent & { readonly time: string };
