import * as z from 'zod';
import type { Json } from '../base/json.js';
import type { JobOutput } from './jobs/job.js';

/** Where and how a target runs things; one entry under the recipe's `compute:`. Of it only the device enters fingerprints. */
export const targetSchema = z
  .strictObject({
    /** The machine that secpi runs on. */
    local: z
      .strictObject({
        /** CPU threads of the trainers; default: the cores, at most 4. 1, 2 and 4 gave the same bytes wherever it was measured but for toy widths. */
        threads: z.number().int().positive().max(256).optional(),
        /** What trainers compute on. `auto` is cuda where an NVIDIA driver is loaded, and an error if CUDA does not start there. */
        device: z.enum(['auto', 'cpu', 'cuda']).default('auto'),
      })
      .optional(),
    /** A host that is reached over ssh. */
    ssh: z
      .strictObject({
        /** A host, `user@host`, or a name of your ssh configuration, where everything else about reaching it belongs. */
        host: z
          .string()
          .regex(/^[A-Za-z0-9_][A-Za-z0-9_.@:-]*$/, 'must be a host, user@host, or a name of the ssh configuration'),
        /** Where everything lies there: absolute, or relative to your home. */
        root: z.string().default('.cache/secpi'),
        /** An interpreter there that has the packages of `trainers/requirements.lock`. */
        python: z.string(),
        /** GiB that have to be free below `root` for what a job makes, besides its inputs; checked before it is begun. */
        disk_gib: z.number().nonnegative().default(1),
        /** CPU threads of the trainers; default: as `local`. */
        threads: z.number().int().positive().max(256).optional(),
        /** What trainers compute on there; never another one without a word. */
        device: z.enum(['cpu', 'cuda']).default('cuda'),
      })
      .optional(),
  })
  .refine((spec) => (spec.local === undefined) !== (spec.ssh === undefined), {
    message: 'a target is either `local` or `ssh`',
  });
export type TargetSpec = z.infer<typeof targetSchema>;

/** One command of the Python trainers. `trainers/README.md` is the reference for its fields and facts. */
export interface TrainerCommand {
  readonly command: 'tiny' | 'prepare' | 'train' | 'merge';
  /** The command's own fields; the rest of its document is the target's business. Paths are placeholders of the job. */
  readonly fields: Readonly<Record<string, Json>>;
}

/** Commands that follow each other as one job. */
export interface TrainerJob {
  readonly commands: readonly TrainerCommand[];
  /** Paths on this machine by name: `{in:NAME}` in the fields. What is there must not change. */
  readonly inputs: Readonly<Record<string, string>>;
  /** What of all that the commands leave is wanted; a command's own folder is `{work}/COMMAND`, what it makes `{work}/COMMAND/output`. */
  readonly outputs: readonly JobOutput[];
  /** Absolute folder on this machine that survives crashes: a job that finished there before is not run again. */
  readonly folder: string;
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

/** What a finished command found out. */
export interface TrainerResult {
  readonly facts: Readonly<Record<string, Json>>;
}

/** What a finished job found out and made. */
export interface FinishedTrainerJob {
  readonly results: Readonly<Record<string, TrainerResult>>;
  /** Versions of the tools by name. */
  readonly tools: Readonly<Record<string, string>>;
  /** The outputs by name: paths on this machine. */
  readonly outputs: Readonly<Record<string, string>>;
}

/** Somewhere that trainers can run. */
export interface Target {
  /** What decides the bytes of what runs here: packages, code, kind of device. A pin of every stage that runs something here. */
  environment(): Promise<Json>;
  /** Runs a job to its end, or continues one that was interrupted. Throws `SecpiError` when it fails, `signal.reason` when stopped. */
  runTrainer(
    job: TrainerJob,
    options: { readonly signal: AbortSignal; readonly onEvent: (event: TrainerEvent) => void },
  ): Promise<FinishedTrainerJob>;
}
