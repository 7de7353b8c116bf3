import { hostname } from 'node:os';
import { posix } from 'node:path';
import { SecpiError } from '../base/errors.js';
import { sha256Json } from '../base/hash.js';
import type { StateDirectory } from '../engine/state-directory.js';
import type { PackageSet } from '../setup/pinned-packages.js';
import type { PythonEnvironment } from '../setup/python-environment.js';
import type { BytesSource } from './bytes-source.js';
import { CARDS } from './cards.js';
import { checkTraining as askBefore } from './check-training.js';
import { here } from './places/here.js';
import { type HashFiles, hashAll } from './places/manifest.js';
import type { Place, Queue } from './places/place.js';
import { sshPlace } from './places/ssh.js';
import { ranksOf } from './ranks.js';
import type { SlurmSpec, Target, TargetSpec } from './target.js';
import { passedOn } from './trainer-environment.js';
import { type Trainers, trainerTarget } from './trainer-target.js';

/** What this machine has that a target may need. */
export interface Means {
  /** The pinned Python environments of this machine, by what is in them. */
  readonly python: (packages?: PackageSet) => Promise<PythonEnvironment>;
  /** The user's environment. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Hashes files that are to go elsewhere; by default all of them are read. */
  readonly hashFiles?: HashFiles;
  /** How inputs are had that lie on yet another machine; by default they are not. */
  readonly bytes?: BytesSource | undefined;
  /** Whose outputs are that stay there; see `ownerOf`. */
  readonly owner?: string | undefined;
  /** What trainers have said of settings, for those who would ask the same. */
  readonly answers?: Map<string, Promise<void>>;
}

/** The name of the one for whom outputs stay elsewhere: whoever has this state folder. */
export function ownerOf({ root }: StateDirectory): string {
  return sha256Json([hostname(), root]).slice(0, 16);
}

/** The target that an entry of the recipe's `compute:` describes. */
export function openTarget(spec: TargetSpec, means: Means): Target {
  const places = { usual: openPlace(spec, means), training: openPlace(spec, means, spec.slurm?.nodes) };
  const checkTraining: Target['checkTraining'] = (training, signal) => askBefore(spec, means, training, signal);
  return { ...trainerTarget(places, openTrainers(spec, means)), checkTraining };
}

/** Our Python there, and what it computes on. */
export function openTrainers(spec: TargetSpec, means: Means): Trainers {
  const settings = spec.ssh ?? spec.slurm ?? spec.local;
  if (settings === undefined) throw new TypeError('a target of no kind');
  const { device, threads } = settings;
  const { container } = spec;
  if (container !== undefined) refuseMounts(container.mounts, means);
  const python = container === undefined ? interpreterOf(spec, means) : async () => container.python;
  const peak = spec.card === undefined ? undefined : CARDS[spec.card].bf16Tflops;
  const ranks = ranksOf(spec);
  return { python, device, threads, container, ranks, peakTflops: peak, secrets: () => secretsOf(spec, means) };
}

/** The machine that it runs on, to be asked for other things than trainers; of a cluster, jobs there get so many nodes. */
export function openPlace(spec: TargetSpec, means: Means, nodes = 1): Place {
  const { variables, hashFiles = hashAll, bytes, owner } = means;
  const bringHere = bytes?.bringHere;
  const queue = spec.slurm === undefined ? null : queueOf(spec.slurm, nodes);
  const { host, root, python, disk_gib = 0 } = spec.ssh ?? spec.slurm ?? {};
  if (host === undefined || root === undefined || python === undefined) {
    const found = { ...passedOn(variables), ...(queue === null ? {} : chosen(slurmVariables, variables)) };
    return here({ python: interpreterOf(spec, means), env: found, queue, bringHere });
  }
  // Never the configuration from a recipe: such a file can name programs that ssh then runs here.
  const config = variables.SECPI_SSH_CONFIG;
  return sshPlace({
    host,
    config,
    root,
    python,
    queue,
    spareGib: disk_gib,
    hashFiles,
    bringHere,
    owner,
    env: chosen(sshVariables, variables),
  });
}

/** The machine of that name that one of these targets leads to, if any. */
export function placeNamed(name: string, specs: readonly TargetSpec[], means: Means): Place | undefined {
  return specs.map((spec) => openPlace(spec, means)).find((place) => place.name === name);
}

/**
 * Throws `compute/mount-not-allowed` for what the user has not said that recipes may show to containers. A folder is more than its files:
 * through a socket in it programs outside can be told what to do.
 */
function refuseMounts(mounts: readonly string[], { variables }: Means): void {
  const allowed = (variables.SECPI_CONTAINER_MOUNTS ?? '').split(':').filter((path) => path.startsWith('/'));
  const isBelow = (path: string, folder: string) => posix.relative(folder, path).split('/')[0] !== '..';
  const odd = mounts.find((mount) => !allowed.some((folder) => isBelow(mount, folder)));
  if (odd === undefined) return;
  throw new SecpiError('compute/mount-not-allowed', `the recipe wants to show ${odd} to a container`, {
    hint: `If you want that, export SECPI_CONTAINER_MOUNTS=${[...allowed, odd].join(':')}.`,
    exitCode: 2,
  });
}

/** The values that the recipe names, for the jobs of a target. Throws `compute/no-secret` for one that is not set. */
export function secretsOf({ secrets = [] }: TargetSpec, { variables }: Means): Readonly<Record<string, string>> {
  return Object.fromEntries(
    secrets.map((name) => {
      const value = variables[name];
      if (value !== undefined && value !== '') return [name, value];
      throw new SecpiError('compute/no-secret', `${name} is not set, and the recipe gives it to jobs`, {
        hint: `Export ${name}, or take it out of \`secrets\` of that target.`,
        exitCode: 2,
      });
    }),
  );
}

/** What starts the agent, and the trainers where they are in no container. */
function interpreterOf(spec: TargetSpec, { python }: Means): (packages?: PackageSet) => Promise<string> {
  const named = spec.ssh?.python ?? spec.slurm?.python;
  return named === undefined ? async (packages) => (await python(packages)).python : async () => named;
}

/** How jobs are submitted. What the agent adds comes after it, and wins. */
function queueOf(spec: SlurmSpec, nodes: number): Queue {
  const { partition, gpus, gpu_kind, cpus, memory_gib, minutes, requeues, extra } = spec;
  const option = (name: string, value: string | number | undefined) =>
    value === undefined ? [] : [`--${name}=${value}`];
  const flags = [
    `--nodes=${nodes}`,
    '--ntasks-per-node=1',
    ...option('partition', partition),
    ...(gpus === 0 ? [] : [`--gpus-per-node=${gpu_kind === undefined ? '' : `${gpu_kind}:`}${gpus}`]),
    ...option('cpus-per-task', cpus),
    ...option('mem', memory_gib === undefined ? undefined : `${memory_gib}G`),
    ...option('time', minutes),
    ...extra,
  ];
  return { flags, requeues };
}

/** What the ssh program sees of the user's environment. */
const sshVariables = ['HOME', 'PATH', 'USER', 'LOGNAME', 'SSH_AUTH_SOCK'];
/** What Slurm's commands want of it. */
const slurmVariables = ['SLURM_CONF', 'SLURM_CLUSTERS', 'USER', 'LOGNAME'];

function chosen(names: readonly string[], variables: Means['variables']): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (variables[name] === undefined ? [] : [[name, variables[name]]])));
}
