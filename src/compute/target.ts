import * as z from 'zod';
import type { Json } from '../base/json.js';
import { isSecretName } from '../base/redact.js';
import { fromEnvironment } from '../recipe/field.js';
import type { PackageSet } from '../setup/pinned-packages.js';
import { CARD_NAMES } from './cards.js';
import type { JobOutput } from './jobs/job.js';
import type { Collected } from './jobs/placed-job.js';
import type { Input } from './places/place.js';

/** Every `local` target is this one machine, whatever its name; so is what secpi computes itself. */
export const THIS_MACHINE = 'this machine';

const hostName = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_.@-]*$/, 'must be a host, user@host, or a name of the ssh configuration');

const threadCount = z.number().int().positive().max(256).optional();

const deviceThere = z.enum(['cpu', 'cuda']).default('cuda');

const gpusThere = z.number().int().positive().max(64).optional();

const diskRoom = z.number().nonnegative().default(1);

const rootThere = z.string().default('.cache/secpi');

/** A path that no program takes for anything else. */
const plainPath = z
  .string()
  .regex(/^\/[A-Za-z0-9_./@+=-]*$/, 'must be an absolute path of letters, digits and _./@+=-');

/**
 * Options of `sbatch` that a recipe may give. An allow-list of whole names with a value: among the others are those that write files, run
 * images or load variables, and `sbatch` takes abbreviations.
 */
const siteOptions = [
  ...[
    'account',
    'qos',
    'constraint',
    'reservation',
    'exclude',
    'nodelist',
    'gres',
    'licenses',
    'nice',
    'mem-per-cpu',
    'mem-per-gpu',
  ],
  ...[
    'tmp',
    'exclusive',
    'hint',
    'switches',
    'threads-per-core',
    'wckey',
    'begin',
    'deadline',
    'gpu-bind',
    'gpu-freq',
    'cpus-per-gpu',
  ],
];
const siteOption = new RegExp(`^--(?:${siteOptions.join('|')})=[^\\s\\0][^\\n\\r\\0]*$`);

const slurmSchema = z.strictObject({
  /** A login node that is reached over ssh. Without it, this machine is one, and secpi's state folder is on the shared disk. */
  host: hostName.optional(),
  /** With `host`: where everything lies there, on a disk that all nodes share. Absolute, or relative to your home. */
  root: rootThere,
  /** With `host`: GiB that have to be free below `root` for what a job makes, besides its inputs; checked before it is begun. */
  disk_gib: diskRoom,
  /**
   * An interpreter on the shared disk that has the packages of `trainers/requirements.lock` (for `trainer: axolotl`, of
   * `trainers/requirements-axolotl.lock`); without `host`, secpi's own.
   */
  python: z.string().optional(),
  /** CPU threads of the trainers; default: the cores, at most 4. 1, 2 and 4 gave the same bytes but for toy widths. */
  threads: threadCount,
  /** What trainers compute on there; never another one without a word. */
  device: deviceThere,
  /** Where it waits; default: the cluster's. */
  partition: z
    .string()
    .regex(/^[A-Za-z0-9_.,-]+$/)
    .optional(),
  /** Nodes that a training uses at once. */
  nodes: z.number().int().positive().max(1024).default(1),
  /** GPUs per node; 0: none is asked for. */
  gpus: z.number().int().nonnegative().default(0),
  /** As the cluster calls them: `h100`. */
  gpu_kind: z
    .string()
    .regex(/^[A-Za-z0-9_.-]+$/)
    .optional(),
  /** Per node; default: the cluster's. */
  cpus: z.number().int().positive().optional(),
  /** Per node; default: the cluster's. */
  memory_gib: z.number().int().positive().optional(),
  /** Time limit, at least 6; a job that reaches it saves what it has and waits in the queue again. Default: the partition's. */
  minutes: z.number().int().min(6).optional(),
  /** How often a job that had to make room, or reached its time limit, is put back into the queue. */
  requeues: z.number().int().nonnegative().max(1000).default(50),
  /**
   * Further options of `sbatch` that say where and at whose cost a job runs: `--account=…`, `--qos=…`, `--constraint=…`, `--reservation=…`
   * and a few more. Others can make Slurm run or write something.
   */
  extra: z
    .array(
      z
        .string()
        .refine((option) => siteOption.test(option), `must be ${siteOptions.map((name) => `--${name}=…`).join(', ')}`),
    )
    .default([]),
});
export type SlurmSpec = z.infer<typeof slurmSchema>;

const containerSchema = z.strictObject({
  /** What runs the container. */
  engine: z.enum(['podman', 'docker', 'apptainer']),
  /** `registry/name@sha256:…`, or `sha256:…` for an image that was built there; for apptainer `/path/of/image.sif@sha256:…`. */
  image: fromEnvironment(
    z
      .string()
      .regex(
        /^(?:[A-Za-z0-9/][A-Za-z0-9_./:-]*@)?sha256:[0-9a-f]{64}$/,
        'must be sha256: and a digest, with a name and @ before it if it is to be pulled: a tag can mean another image tomorrow',
      ),
    // Of a form that every engine takes.
    `/not-set.sif@sha256:${'0'.repeat(64)}`,
  ),
  /** The interpreter inside, with the trainers' packages. */
  python: z.string().default('python3'),
  /**
   * Files and folders of the machine that programs inside may read, at the same paths: a cache of models, say. Each has to be below one that
   * `SECPI_CONTAINER_MOUNTS` in your environment names, with colons between them: a recipe may come from a stranger.
   */
  mounts: z.array(plainPath).default([]),
});
export type ContainerSpec = z.infer<typeof containerSchema>;

/** Where and how a target runs things; one entry under the recipe's `compute:`. Of it only device and image enter fingerprints. */
export const targetSchema = z
  .strictObject({
    /** The machine that secpi runs on. */
    local: z
      .strictObject({
        /** CPU threads of the trainers; default: the cores, at most 4. 1, 2 and 4 gave the same bytes but for toy widths. */
        threads: threadCount,
        /** What trainers compute on. `auto` is cuda where an NVIDIA driver is loaded, and an error if CUDA does not start there. */
        device: z.enum(['auto', 'cpu', 'cuda']).default('auto'),
        /** GPUs that a training uses at once; default: 1. */
        gpus: gpusThere,
      })
      .optional(),
    /** A host that is reached over ssh. */
    ssh: z
      .strictObject({
        /** A host, `user@host`, or a name of your ssh configuration, where everything else about reaching it belongs. */
        host: hostName,
        /** Where everything lies there: absolute, or relative to your home. */
        root: rootThere,
        /**
         * An interpreter there that has the packages of `trainers/requirements.lock` (for `trainer: axolotl`, of
         * `trainers/requirements-axolotl.lock`); with `container`, any from 3.9 on.
         */
        python: z.string(),
        /** GiB that have to be free below `root` for what a job makes, besides its inputs; checked before it is begun. */
        disk_gib: diskRoom,
        /** CPU threads of the trainers; default: the cores, at most 4. 1, 2 and 4 gave the same bytes but for toy widths. */
        threads: threadCount,
        /** What trainers compute on there; never another one without a word. */
        device: deviceThere,
        /** GPUs that a training uses at once; default: 1. */
        gpus: gpusThere,
      })
      .optional(),
    /** A Slurm cluster. */
    slurm: slurmSchema.optional(),
    /** What jobs run in there; without it, on the machine itself. */
    container: containerSchema.optional(),
    /** Node there, 20.19 or later, for `evaluate.score_on`: a name on the search path or an absolute path. Default: `node`. */
    node: z
      .string()
      .regex(/^[A-Za-z0-9_./@+=-]+$/, 'must be a name or a path without blanks')
      .refine((text) => !text.startsWith('-'), 'must not start with a dash')
      .optional(),
    /** Names of variables of your environment whose values jobs there get to see, such as HF_TOKEN for a gated model. */
    secrets: z
      .array(
        z
          .string()
          .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the NAME of an environment variable, never its value')
          // Else its value would not be hidden in what is printed and kept.
          .refine(
            isSecretName,
            'must look like the name of a secret: end in _TOKEN, _KEY or _PASSWORD, or hold SECRET',
          ),
      )
      .optional(),
    /** What each GPU there is, for `secpi plan`: what fits, how long it takes. */
    card: z.enum(CARD_NAMES).optional(),
    /** USD for an hour of one GPU there, for `secpi plan`. */
    price_per_gpu_hour: z.number().nonnegative().optional(),
    /** Stages that may run on that machine at once; default: 1, on a cluster 64. Of several targets of one machine, the largest counts. */
    jobs: z.number().int().positive().max(1000).optional(),
  })
  .superRefine(({ local, ssh, slurm, container, node }, context) => {
    const kinds = [local, ssh, slurm].filter((kind) => kind !== undefined);
    if (kinds.length !== 1) context.addIssue('a target is either `local`, `ssh` or `slurm`');
    if (slurm !== undefined && (slurm.host === undefined) !== (slurm.python === undefined)) {
      // Without a host it would be a program of this machine that is started for whoever only asks for a plan.
      const message = slurm.host === undefined ? 'is for a `host`; here secpi uses its own' : 'is needed with `host`';
      context.addIssue({ code: 'custom', path: ['slurm', 'python'], message, input: slurm });
    }
    if (node !== undefined && container === undefined && ssh === undefined && slurm?.host === undefined) {
      // It would be a program of this machine that a recipe, which may be a stranger's, wants started.
      const message = 'is for a host or a container; here secpi uses its own';
      context.addIssue({ code: 'custom', path: ['node'], message, input: container });
    }
    if (container !== undefined && slurm !== undefined && slurm.nodes > 1) {
      const message = 'does not go together with a container yet: leave one of them out';
      context.addIssue({ code: 'custom', path: ['slurm', 'nodes'], message, input: slurm });
    }
    if (container?.engine === 'apptainer' && !container.image.startsWith('/'))
      context.addIssue({
        code: 'custom',
        path: ['container', 'image'],
        message: 'must be /path/of/image.sif@sha256:… for apptainer',
        input: container,
      });
  });
export type TargetSpec = z.infer<typeof targetSchema>;

/** The cluster whose login node secpi runs on. */
export const THIS_CLUSTER = 'this cluster';

/** The machine or cluster behind a target: targets of one take turns. */
export function machineOf({ ssh, slurm }: TargetSpec): string {
  if (slurm !== undefined) return slurm.host ?? THIS_CLUSTER;
  return ssh?.host ?? THIS_MACHINE;
}

/** A cluster has a queue of its own: what is more than it can take waits there. */
const jobsOfCluster = 64;

/** How many stages each machine takes at once, as its targets say. */
export function jobsAtOnce(targets: readonly TargetSpec[]): Readonly<Record<string, number>> {
  const limits = new Map<string, number>();
  for (const spec of targets) {
    limits.set(
      machineOf(spec),
      Math.max(spec.jobs ?? (spec.slurm === undefined ? 1 : jobsOfCluster), limits.get(machineOf(spec)) ?? 1),
    );
  }
  return Object.fromEntries(limits);
}

/** One command of the Python trainers. `trainers/README.md` is the reference for its fields and facts. */
export interface TrainerCommand {
  readonly command: 'tiny' | 'prepare' | 'train' | 'merge' | 'push';
  /** The command's own fields; the rest of its document is the target's business. Paths are placeholders of the job. */
  readonly fields: Readonly<Record<string, Json>>;
}

/** Commands that follow each other as one job. */
export interface TrainerJob {
  readonly commands: readonly TrainerCommand[];
  /** What they need; default: the trainers' packages. */
  readonly packages?: PackageSet;
  /** By name: `{in:NAME}` in the fields. What is there must not change. */
  readonly inputs: Readonly<Record<string, Input>>;
  /** What of all that the commands leave is wanted; a command's own folder is `{work}/COMMAND`, what it makes `{work}/COMMAND/output`. */
  readonly outputs: readonly JobOutput[];
  /** Names of outputs, folders, that stay on the target's machine if that is another one. */
  readonly keep?: readonly string[];
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
export interface FinishedTrainerJob extends Collected {
  readonly results: Readonly<Record<string, TrainerResult>>;
  /** Versions of the tools by name. */
  readonly tools: Readonly<Record<string, string>>;
}

/** A training that is to run later. */
export interface TrainingToCome {
  readonly packages: PackageSet;
  /** Its settings, as the trainers' `TrainSpec` has them; undefined where there is nothing in them that only a trainer can judge. */
  readonly spec: Json | undefined;
}

/** Somewhere that trainers can run. */
export interface Target {
  /**
   * What decides the bytes of what runs here: packages, code, kind of device, and of a training how many processes share it. A pin of every
   * stage that runs something here.
   */
  environment(of?: { readonly packages?: PackageSet; readonly trains?: boolean }): Promise<Json>;
  /**
   * What a cluster says of when it would run a job here, or why never; undefined where jobs just begin. Begins nothing. Throws
   * `compute/unreachable`.
   */
  foresee(signal: AbortSignal): Promise<string | undefined>;
  /**
   * Throws what such a training would fail with here, as far as this machine can tell hours before; see `checkTraining`. Resolves to whether
   * anything could be told.
   */
  checkTraining(training: TrainingToCome, signal: AbortSignal): Promise<boolean>;
  /** Runs a job to its end, or continues one that was interrupted. Throws `SecpiError` when it fails, `signal.reason` when stopped. */
  runTrainer(
    job: TrainerJob,
    options: { readonly signal: AbortSignal; readonly onEvent: (event: TrainerEvent) => void },
  ): Promise<FinishedTrainerJob>;
}
