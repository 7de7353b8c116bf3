import { CARDS, type Card } from './cards.js';
import type { TargetSpec } from './target.js';

/** What trainings compute with at a target, as the recipe says. */
export interface Hardware {
  /** What each GPU is; undefined where the recipe does not say. */
  readonly card: Card | undefined;
  /** Over all nodes. */
  readonly gpus: number;
  /** USD for an hour of one. */
  readonly pricePerGpuHour: number | undefined;
  /** Whether the recipe says that no GPU is meant. */
  readonly isCpu: boolean;
}

export function hardwareOf({ local, ssh, slurm, card, price_per_gpu_hour }: TargetSpec): Hardware {
  const gpus = slurm === undefined ? ((local ?? ssh)?.gpus ?? 1) : slurm.nodes * Math.max(1, slurm.gpus);
  return {
    card: card === undefined ? undefined : CARDS[card],
    gpus,
    pricePerGpuHour: price_per_gpu_hour,
    isCpu: (local ?? ssh ?? slurm)?.device === 'cpu',
  };
}
