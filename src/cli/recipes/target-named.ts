import { SecpiError } from '../../base/errors.js';
import type { TargetSpec } from '../../compute/target.js';
import type { Recipe } from '../../pipeline.js';

/** An entry under the recipe's `compute`. Throws `recipe/unknown-target`. */
export function targetNamed({ compute }: Pick<Recipe, 'compute'>, name: string): TargetSpec {
  const spec = compute[name];
  if (spec !== undefined) return spec;
  throw new SecpiError('recipe/unknown-target', `there is no \`${name}\` under \`compute\``, {
    hint: `Known targets: ${Object.keys(compute).join(', ')}.`,
    exitCode: 2,
  });
}
