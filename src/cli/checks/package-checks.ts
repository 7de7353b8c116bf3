import { basename } from 'node:path';
import type { HostFacts } from '../../compute/host-facts.js';
import { type Place, unreachable } from '../../compute/places/place.js';
import { lockFileOf, type PackageSet, pinnedPackages } from '../../setup/pinned-packages.js';
import type { Check } from './check.js';

/** Whether the interpreter of a place has a further set of packages. Throws `compute/unreachable`. */
export async function checkPackages(
  place: Place,
  set: PackageSet,
  { python }: HostFacts,
  signal: AbortSignal,
): Promise<Check> {
  for await (const line of place.ask('packages', { wanted: await pinnedPackages(set) }, signal))
    if (line.type === 'packages') return judgePackages(set, line.wrong, python.executable, true);
  throw unreachable(place.name);
}

/** What it means that these packages are wrong. `isOneOfTwo`: another set is wanted of the same interpreter, which cannot be. */
export function judgePackages(
  set: PackageSet,
  [first, ...more]: readonly string[],
  executable: string,
  isOneOfTwo: boolean,
): Check {
  const name = set === 'axolotl' ? 'Axolotl packages' : 'Python packages';
  if (first === undefined) return { name, state: 'ok', detail: 'all that are pinned', required: true };
  const lock = basename(lockFileOf(set));
  const install = `Install trainers/${lock} there: \`${executable} -m pip install ${set === 'axolotl' ? '--no-deps ' : ''}-r ${lock}\`.`;
  return {
    name,
    state: 'missing',
    detail: more.length === 0 ? first : `${first}, and ${more.length} more are other than they should be`,
    advice: isOneOfTwo
      ? 'No Python has both sets: train with Axolotl on a target of its own, with another `python`, and leave the other stages here.'
      : install,
    required: true,
  };
}
