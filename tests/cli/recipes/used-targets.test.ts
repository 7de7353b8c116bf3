import { expect, it } from 'vitest';
import { usedPackages } from '../../../src/cli/recipes/used-targets.js';

it.each([
  [
    'a training with Axolotl alone',
    { train: { on: 'far', trainer: 'axolotl' }, evaluate: { on: 'here' } },
    ['axolotl'],
  ],
  ['a training with TRL', { train: { on: 'far', trainer: 'trl' } }, ['trainers']],
  [
    'one with Axolotl beside another stage',
    { train: { on: 'far', trainer: 'axolotl' }, models: { target: { tiny: { on: 'far' } } } },
    ['trainers', 'axolotl'],
  ],
  ['scoring alone', { train: { on: 'here', trainer: 'axolotl' }, evaluate: { score_on: 'far' } }, []],
] as const)('%s takes its own packages of a target', (_what, recipe, packages) => {
  expect(usedPackages(recipe, 'far')).toEqual(packages);
});
