import { clip } from '../base/clip.js';
import { SecpiError } from '../base/errors.js';
import { nearestName } from '../base/suggestion.js';
import { loadMini } from './mini/mini.js';
import type { Suite } from './suite.js';

/** Every suite by the name that a recipe uses. Adding one = its folder and a line here. */
export const SUITES: Readonly<Record<string, () => Promise<Suite>>> = {
  mini: () => loadMini(),
};

/**
 * Loads a suite by name.
 * @throws SecpiError `suites/unknown-suite` with the nearest name as a suggestion.
 */
export async function loadSuite(name: string): Promise<Suite> {
  const load = Object.hasOwn(SUITES, name) ? SUITES[name] : undefined;
  if (load !== undefined) return await load();
  const names = Object.keys(SUITES);
  const near = nearestName(name, names);
  throw new SecpiError('suites/unknown-suite', `there is no suite called "${clip(name, 60)}"`, {
    hint: near === undefined ? `The suites are: ${names.join(', ')}.` : `Did you mean "${near}"?`,
    exitCode: 2,
  });
}
