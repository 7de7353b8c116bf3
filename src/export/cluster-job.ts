import { sha256 } from '../base/hash.js';
import type { PortableRecipe } from './portable-recipe.js';

/** A whole run of a recipe, or several, as one job of somebody else's cluster: what all systems have in common. */
export interface ClusterJob {
  /** The recipe's name: lower-case letters, digits, dots, dashes, underscores. */
  readonly name: string;
  readonly recipe: PortableRecipe;
  /** Members of the recipe, each of which is a run; none where the recipe is one run. */
  readonly members: readonly string[];
  /** The secpi that wrote the job. */
  readonly version: string;
  /** The program that is secpi there: a path, or a name on the search path. */
  readonly secpi: string;
  /** Names of the environment variables that the run reads: keys, tokens, addresses. Values are brought by whoever starts the job. */
  readonly variables: readonly string[];
  readonly resources: JobResources;
}

/** Of one node. What is left out is the cluster's default. */
export interface JobResources {
  readonly gpus: number;
  /** As the cluster calls it. */
  readonly gpuKind?: string | undefined;
  readonly cpus?: number | undefined;
  /** Bytes. */
  readonly memory?: number | undefined;
}

/** How long secpi may take to stop where it can be resumed, in seconds: a trainer has 120 to save a checkpoint. */
export const GRACE_SECONDS = 180;

/** Memory in MiB, rounded up. */
export function mebibytes(bytes: number): number {
  return Math.ceil(bytes / 1024 ** 2);
}

/**
 * A name that every cluster takes (a DNS label of at most 50 characters). Where the recipe's own name had to be changed, a part of its
 * hash keeps two recipes apart.
 */
export function jobName({ name }: Pick<ClusterJob, 'name'>): string {
  const plain = `secpi-${name.replaceAll(/[^a-z0-9-]/g, '-')}`;
  if (plain === `secpi-${name}` && plain.length <= 50 && !plain.endsWith('-')) return plain;
  return `${plain.slice(0, 41)}-${sha256(name).slice(0, 8)}`;
}
