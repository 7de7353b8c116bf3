import { CARDS, type Card } from './cards.js';
import { deviceHere } from './python-identity.js';
import { deviceOf, type Ranks, ranksOf } from './ranks.js';
import type { TargetSpec } from './target.js';

/** What trainings compute with at a target, as the recipe says. */
export interface Hardware {
  /** `auto` is a GPU where the recipe names its card, and else what is here. */
  readonly device: 'cpu' | 'cuda';
  /** What each GPU is; undefined where the recipe does not say, and on CPUs. */
  readonly card: Card | undefined;
  /** The processes that share a training: one for each GPU, without GPUs one on each machine. */
  readonly ranks: Ranks;
  /** USD for an hour of one GPU. */
  readonly pricePerGpuHour: number | undefined;
  /** GPUs that the recipe asks for though a CPU computes. */
  readonly idleGpus: number;
  /** An image may have packages that are not among the pinned ones. */
  readonly isContainer: boolean;
}

export function hardwareOf(spec: TargetSpec): Hardware {
  const { local, ssh, slurm, card, price_per_gpu_hour, container } = spec;
  const said = deviceOf(spec);
  const device = said === 'auto' && card !== undefined ? 'cuda' : deviceHere(said);
  const onGpu = device === 'cuda';
  return {
    device,
    card: onGpu && card !== undefined ? CARDS[card] : undefined,
    ranks: ranksOf(spec, device),
    pricePerGpuHour: onGpu ? price_per_gpu_hour : undefined,
    idleGpus: onGpu ? 0 : ((local ?? ssh ?? slurm)?.gpus ?? 0),
    isContainer: container !== undefined,
  };
}
