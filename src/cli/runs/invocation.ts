import { join } from 'node:path';
import * as z from 'zod';
import { readIfThere } from '../../base/files/if-there.js';
import { sha256Schema } from '../../base/hash.js';
import { type RunRecord, readRuns } from '../../engine/runs/run-record.js';
import type { Recipe } from '../../pipeline.js';
import type { LoadedRecipe } from '../../recipe/load-recipe.js';
import type { CliEnvironment } from '../environment.js';
import type { RunOptions } from '../recipes/run-options.js';

const invocationSchema = z.object({
  schema: z.literal(1),
  /** As it was given. */
  recipe: z.string(),
  working_directory: z.string(),
  /** Of the recipe with everything it extends and every override. */
  recipe_sha256: sha256Schema,
  set: z.array(z.string()),
  member: z.array(z.string()).default([]),
  from: z.string().optional(),
  until: z.string().optional(),
  only: z.array(z.string()),
  force: z.array(z.string()),
  keep_work: z.boolean(),
});

/** What a run was begun with: enough to begin it again. */
export type Invocation = z.infer<typeof invocationSchema>;

/** Its name in the run's folder. */
export const INVOCATION = 'invocation.json';

export function invocationOf(
  path: string,
  { set, member, from, until, only, force, keepWork }: RunOptions,
  recipe: LoadedRecipe<Recipe>,
  { workingDirectory }: CliEnvironment,
): Invocation {
  return {
    schema: 1,
    recipe: path,
    working_directory: workingDirectory,
    recipe_sha256: recipe.sha256,
    set: [...set],
    member: [...member],
    from,
    until,
    only: [...only],
    force: [...force],
    keep_work: keepWork ?? false,
  };
}

/** What a run was begun with; undefined for one of an earlier version. */
export async function readInvocation({ folder }: Pick<RunRecord, 'folder'>): Promise<Invocation | undefined> {
  const text = await readIfThere(join(folder, INVOCATION));
  try {
    return invocationSchema.safeParse(JSON.parse(text ?? 'null')).data;
  } catch {
    return undefined;
  }
}

/** The options that it was begun with. */
export function optionsOf({ set, member, from, until, only, force, keep_work }: Invocation): RunOptions {
  const chosen = { ...(from === undefined ? {} : { from }), ...(until === undefined ? {} : { until }) };
  return { set, member, ...chosen, only, force, keepWork: keep_work };
}

/** The newest run that was begun later than this one and with the same, if there is one: it goes on with what this one has left. */
export async function successorOf(
  record: RunRecord,
  { state }: Pick<CliEnvironment, 'state'>,
): Promise<RunRecord | undefined> {
  const mine = await readInvocation(record);
  if (mine === undefined) return undefined;
  for await (const other of readRuns(state)) {
    if (other.run <= record.run) return undefined;
    const theirs = await readInvocation(other);
    if (theirs !== undefined && sameWork(mine, theirs)) return other;
  }
  return undefined;
}

/** What was forced is left out: whoever goes on does not make again what is done. */
function sameWork(one: Invocation, other: Invocation): boolean {
  const workOf = ({ recipe_sha256, from, until, only }: Invocation) =>
    JSON.stringify([recipe_sha256, from ?? null, until ?? null, only]);
  return workOf(one) === workOf(other);
}
