import * as z from 'zod';
import type { Task } from '../../datasets/task.js';

/** `2/8`: the second of eight parts. */
export const shardSchema = z
  .string()
  .regex(/^[1-9]\d{0,3}\/[1-9]\d{0,3}$/, 'must look like 2/8: the second of eight parts')
  .refine((shard) => partsOf(shard).part <= partsOf(shard).parts, 'there is no such part: it counts from 1');

/** Whether a task belongs to a part. That follows from its id alone, which is a hash: parts are of one size, but for chance, and never overlap. */
export function isInShard({ id }: Pick<Task, 'id'>, shard: string): boolean {
  const { part, parts } = partsOf(shard);
  return Number(BigInt(`0x${id.slice('task-'.length)}`) % BigInt(parts)) === part - 1;
}

function partsOf(shard: string): { readonly part: number; readonly parts: number } {
  const [part = 0, parts = 0] = shard.split('/').map(Number);
  return { part, parts };
}
