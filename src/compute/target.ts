import * as z from 'zod';
import type { Json } from '../base/json.js';

/** Where and how a target runs things; one entry under the recipe's `compute:`. Nothing of it enters fingerprints. */
export const targetSchema = z.strictObject({
  local: z.strictObject({
    /** CPU threads of the trainers; default: the cores, at most 4. Results are the same bytes whatever the number. */
    threads: z.number().int().positive().max(256).optional(),
    device: z.enum(['auto', 'cpu', 'cuda']).default('auto'),
  }),
});
export type TargetSpec = z.infer<typeof targetSchema>;

/** One command of the Python trainers. `trainers/README.md` is the reference for its fields and facts. */
export interface TrainerJob {
  readonly command: 'tiny' | 'prepare' | 'train' | 'merge';
  /** The command's own fields; `schema`, `work`, `output`, `lifeline`, `threads` and `device` are the target's business. */
  readonly fields: Readonly<Record<string, Json>>;
  /** Absolute folder that survives crashes: a job that finished there before is not run again. */
  readonly work: string;
  /** Absolute folder that the command fills. */
  readonly output: string;
}

/** What a running command says; see `trainers/README.md`. */
export type TrainerEvent =
  | {
      readonly type: 'metric';
      readonly step: number;
      readonly total_steps: number;
      readonly values: Readonly<Record<string, number | null>>;
    }
  | { readonly type: 'progress'; readonly done: number; readonly total: number; readonly unit: string }
  | { readonly type: 'log'; readonly message: string };

/** What a finished command found out. `tools` are versions by name. */
export interface TrainerResult {
  readonly facts: Readonly<Record<string, Json>>;
  readonly tools: Readonly<Record<string, string>>;
}

/** Somewhere that commands can run. Adding one (ssh, slurm) = one file here and one field in `targetSchema`. */
export interface Target {
  /** What decides the bytes of what runs here: packages, code, kind of device. A pin of every stage that runs something here. */
  environment(): Promise<Json>;
  /** Runs a command to its end, or continues one that was interrupted. Throws `SecpiError` when it fails, `signal.reason` when stopped. */
  runTrainer(
    job: TrainerJob,
    options: { readonly signal: AbortSignal; readonly onEvent: (event: TrainerEvent) => void },
  ): Promise<TrainerResult>;
}
