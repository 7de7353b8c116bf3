import { SecpiError } from '../../base/errors.js';
import type { Means } from '../../compute/open-target.js';
import type { TargetSpec } from '../../compute/target.js';
import type { Recipe } from '../../pipeline.js';
import type { PackageSet } from '../../setup/pinned-packages.js';
import { findPythonEnvironment } from '../../setup/python-environment.js';
import type { CliEnvironment } from '../environment.js';
import { readMembers } from './recipe.js';
import { targetNamed } from './target-named.js';
import { usedPackages, usedTargets } from './used-targets.js';

/** A target that a command is about rather than a run. */
export interface ReadTarget {
  readonly spec: TargetSpec;
  readonly means: Means;
  /** Where everything lies there, if that is another place than the state folder. */
  readonly root: string | undefined;
  /** Whether the recipe scores there. */
  readonly scores: boolean;
  /** What its Python has to have for what the recipe does there. */
  readonly packages: readonly PackageSet[];
  /** The recipes, one for each of a matrix, that train there. */
  readonly training: readonly Recipe[];
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
  const members = await readMembers(recipe, { set: [] }, environment);
  const [{ value }] = members;
  const spec = targetNamed(value, name);
  const { cache, variables } = environment;
  return {
    spec,
    means: { python: (packages) => findPythonEnvironment(cache, packages), variables },
    root: spec.ssh?.root ?? (spec.slurm?.host === undefined ? undefined : spec.slurm.root),
    scores: usedTargets(value, ['score_on']).includes(name),
    packages: [...new Set(members.flatMap((member) => usedPackages(member.value, name)))],
    training: members.flatMap((member) => (member.value.train.on === name ? [member.value] : [])),
  };
}
