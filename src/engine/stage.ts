import type * as z from 'zod';
import type { Sha256 } from '../base/hash.js';
import type { Json } from '../base/json.js';
import type { ArtifactReader } from './artifacts/artifact.js';
import type { OutputDirectory } from './artifacts/output-directory.js';
import type { StageEvent } from './runs/event.js';
import type { WorkDirectory } from './work-directory.js';

/** What a stage is given to work with. It never reads argv, the environment or the clock itself. */
export interface StageContext<Params, Input extends string, Services> {
  readonly params: Params;
  /** Of a stage that says it is `seeded`; another one that looks at it throws. */
  readonly seed: number;
  /** The finished artifacts this stage reads, by the name it gave them in `inputs`. */
  readonly inputs: Readonly<Record<Input, ArtifactReader>>;
  /** Survives a crash and belongs to this fingerprint alone: where resumable state lives. */
  readonly work: WorkDirectory;
  /** What is written here becomes the artifact when `run` returns, by one atomic rename. Starts empty every time. */
  readonly output: OutputDirectory;
  readonly services: Services;
  /** Aborted on Ctrl-C and TERM. A stage that sees it stops taking work, flushes and throws `signal.reason`. */
  readonly signal: AbortSignal;
  readonly emit: (event: StageEvent) => void;
}

/** What a finished stage says about itself; it goes into the manifest. Everything in it must be reproducible. */
export interface StageResult {
  /** Records by kind, for example `{ tasks_in: 48, kept: 24, rejected: 24 }`. */
  readonly counts: Readonly<Record<string, number>>;
  /** How often each reason code dropped a record. */
  readonly reasons?: Readonly<Record<string, number>>;
  /** Tokens bought or replayed. */
  readonly tokens?: { readonly input: number; readonly output: number };
  readonly cost_usd?: number;
  /** Figures that the run's summary shows, merged over all stages. */
  readonly metrics?: Readonly<Record<string, Json>>;
  /** Versions of the tools that made the bytes. */
  readonly tools?: Readonly<Record<string, string>>;
}

/** What `secpi plan` says before anything is bought. */
export interface StageEstimate {
  readonly requests?: number;
  readonly input_tokens?: number;
  readonly output_tokens?: number;
  readonly cost_usd?: number;
  readonly seconds?: number;
  readonly note?: string;
  /** What a person wants to know besides, a line each. */
  readonly details?: readonly string[];
  /** The same for programs. */
  readonly facts?: object;
  /** Why it would fail as things stand, with code and hint: the plan is refused. */
  readonly refusal?: { readonly code: string; readonly message: string; readonly hint?: string };
}

/** Hashes of what lies outside the store. Large files are hashed once, and again only when somebody has touched them. */
export interface PinnedFiles {
  /** SHA-256 of a file. What is asked for here must not change while the stage runs: then nothing is committed. */
  file(path: string): Promise<Sha256>;
  /** SHA-256 over the relative path and content of every file below a folder; see `file`. */
  folder(path: string): Promise<Sha256>;
}

/** What `pins` may look at: the same as a run, but nothing to write to. */
export type PinContext<Params, Services> = {
  readonly params: Params;
  readonly services: Services;
  readonly signal: AbortSignal;
  readonly files: PinnedFiles;
};

/** What `estimate` may look at. An input is missing when its stage has not run yet. */
export type EstimateContext<Params, Input extends string, Services> = Omit<PinContext<Params, Services>, 'files'> & {
  readonly inputs: Readonly<Partial<Record<Input, ArtifactReader>>>;
};

/**
 * A stage: a pure function from artifacts to artifacts. The engine owns caching, locks, resume, cancellation and events;
 * the stage owns meaning.
 */
export interface StageDefinition<Params, Input extends string, Services> {
  readonly name: string;
  /** Raised whenever the same params and inputs would give other bytes than before. */
  readonly version: number;
  /** This stage's part of the recipe. Fields marked with `operational()` do not enter the fingerprint. */
  readonly params: z.ZodType<Params>;
  readonly inputs: readonly Input[];
  /**
   * The files or folders of an input that it reads, where that is not all of them: what else the input holds changes nothing for this stage,
   * which cannot ask for it either.
   */
  readonly reads?: Readonly<Partial<Record<Input, readonly string[]>>>;
  /** Whether the recipe's seed decides any of its bytes: only then is it part of the fingerprint. */
  readonly seeded: boolean | ((params: Params) => boolean);
  /**
   * What it occupies while it runs, e.g. a machine: stages that name the same thing take turns, others run side by side; also
   * stages of different runs of one sweep. Default: nothing.
   */
  readonly occupies?: (params: Params, services: Services) => readonly string[];
  /**
   * Facts from outside that decide the bytes: catalogue hash, dataset commit, model identity, the environment that computes
   * (Python lock, trainer code, kind of device). They enter the fingerprint, and are asked for once more before the commit.
   */
  readonly pins?: (context: PinContext<Params, Services>) => Promise<Readonly<Record<string, Json>>>;
  /** What it would ask and cost. `undefined`: with these parameters nothing. */
  readonly estimate?: (context: EstimateContext<Params, Input, Services>) => Promise<StageEstimate | undefined>;
  /**
   * Throws what it would fail with hours later and can be told now: something that is not set up, a setting that nobody knows. Asked once,
   * before the first stage that leads to this one does anything.
   */
  readonly ready?: (context: Omit<PinContext<Params, Services>, 'files'>) => Promise<void>;
  /** For stages with an effect outside the store: says why a cached artifact no longer holds, or `undefined`. */
  readonly stale?: (
    context: PinContext<Params, Services> & { readonly artifact: ArtifactReader },
  ) => Promise<string | undefined>;
  /** What to warn of in a result, by what it says about itself: told when it was made, and again whenever it is taken as it is. */
  readonly remarks?: (result: Required<Pick<StageResult, 'counts' | 'reasons'>>) => readonly string[];
  readonly run: (context: StageContext<Params, Input, Services>) => Promise<StageResult>;
}

/** Gives a stage its types; there is no registry behind it. */
export function defineStage<Params, Input extends string, Services>(
  definition: StageDefinition<Params, Input, Services>,
): StageDefinition<Params, Input, Services> {
  return definition;
}
