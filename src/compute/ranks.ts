import { deviceHere } from './python-identity.js';
import type { TargetSpec } from './target.js';

/** The processes that share a training, one for each GPU: so many on each of so many machines. */
export interface Ranks {
  readonly perNode: number;
  readonly nodes: number;
}

export const ONE_PROCESS: Ranks = { perNode: 1, nodes: 1 };

/** Those of a target. Without GPUs there is one on each machine. `device` is what computes; by default what it is here and now. */
export function ranksOf(spec: TargetSpec, device = deviceHere(deviceOf(spec))): Ranks {
  const { local, ssh, slurm } = spec;
  const { gpus = 1 } = local ?? ssh ?? slurm ?? {};
  return { perNode: device === 'cuda' ? Math.max(1, gpus) : 1, nodes: slurm?.nodes ?? 1 };
}

/** What a target says that it computes on. */
export function deviceOf({ local, ssh, slurm }: TargetSpec): 'auto' | 'cpu' | 'cuda' {
  return (local ?? ssh ?? slurm)?.device ?? 'cpu';
}

/** How many there are in all. */
export function worldOf({ perNode, nodes }: Ranks): number {
  return perNode * nodes;
}

/** What the trainers are told of it. */
export function ranksArguments(ranks: Ranks): readonly string[] {
  if (worldOf(ranks) === 1) return [];
  const perNode = ['--ranks', String(ranks.perNode)];
  if (ranks.nodes === 1) return perNode;
  return [...perNode, '--nodes', '{nodes}', '--node', '{node}', '--meet', '{master}:{master_port}'];
}
