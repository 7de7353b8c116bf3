import { SecpiError } from '../../base/errors.js';
import { rolesOf } from '../../engine/flow/selection.js';
import { pipelineOf } from '../../pipeline.js';
import type { RecipeMember } from './recipe.js';
import { type SelectionOptions, selectionOf } from './run-options.js';

/**
 * Refuses members that would publish over each other, before any of them begins: `cli/same-destination`. Throws also what is wrong with
 * the choice of stages.
 */
export function refuseSameDestination(members: readonly RecipeMember[], options: SelectionOptions): void {
  const taken = new Map<string, string>();
  for (const { value, member } of members) {
    const publishes = rolesOf(pipelineOf(value), selectionOf(options)).of.get('publish') === 'run';
    const { folder, repo, dataset_repo } = value.publish ?? {};
    for (const place of publishes ? [folder, repo, dataset_repo] : []) {
      if (place === undefined) continue;
      const other = taken.get(place);
      taken.set(place, member);
      if (other === undefined) continue;
      throw new SecpiError('cli/same-destination', `"${other}" and "${member}" would both publish to ${place}`, {
        hint: 'Measure all without it (`--until report`, or `--set publish=null`), and publish one with `--member NAME`; or make the place an axis of the matrix.',
        exitCode: 2,
      });
    }
  }
}
