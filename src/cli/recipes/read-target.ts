import { SecpiError } from '../../base/errors.js';
import type { Means } from '../../compute/open-target.js';
import type { TargetSpec } from '../../compute/target.js';
import { findPythonEnvironment } from '../../setup/python-environment.js';
import type { CliEnvironment } from '../environment.js';
import { readMembers } from './recipe.js';
import { targetNamed } from './target-named.js';
import { type TargetField, usedTargets } from './used-targets.js';

/** A target that a command is about rather than a run. */
export interface ReadTarget {
  readonly spec: TargetSpec;
  readonly means: Means;
  /** Where everything lies there, if that is another place than the state folder. */
  readonly root: string | undefined;
  /** What the recipe has it do. */
  readonly fields: readonly TargetField[];
}

/** The target of that name in a recipe. Throws `usage/no-recipe`, `recipe/unknown-target`, `RecipeError`. */
export async function readTarget(
  recipe: string | undefined,
  name: string,
  environment: CliEnvironment,
): Promise<ReadTarget> {
  if (recipe === undefined) {
    throw new SecpiError('usage/no-recipe', `which recipe says what ${name} is?`, {
      hint: `Add \`--recipe RECIPE\`: \`${name}\` is looked for under its \`compute\`.`,
      exitCode: 2,
    });
  }
  // A matrix cannot be about machines that some of its members do not have.
  const [{ value }] = await readMembers(recipe, { set: [] }, environment);
  const spec = targetNamed(value, name);
  const { cache, variables } = environment;
  return {
    spec,
    means: { python: (packages) => findPythonEnvironment(cache, packages), variables },
    root: spec.ssh?.root ?? (spec.slurm?.host === undefined ? undefined : spec.slurm.root),
    fields: (['on', 'score_on'] as const).filter((field) => usedTargets(value, [field]).includes(name)),
  };
}
