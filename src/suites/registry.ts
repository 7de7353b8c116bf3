import { clip } from '../base/clip.js';
import { SecpiError } from '../base/errors.js';
import type { Sha256 } from '../base/hash.js';
import { nearestName } from '../base/suggestion.js';
import { digestMini, loadMini } from './mini/mini.js';
import type { Suite } from './suite.js';

/** A suite before anybody needs its problems. */
interface KnownSuite {
  /** What `Suite.digest` will be, without the work of loading it. */
  digest(): Promise<Sha256>;
  load(): Promise<Suite>;
}

/** Every suite by the name that a recipe uses. Adding one = its folder and a line here. */
export const SUITES: Readonly<Record<string, KnownSuite>> = {
  mini: { digest: () => digestMini(), load: () => loadMini() },
};

/**
 * Loads a suite by name.
 * @throws SecpiError `suites/unknown-suite` with the nearest name as a suggestion; what is wrong with its problems.
 */
export async function loadSuite(name: string): Promise<Suite> {
  return suiteNamed(name).load();
}

/**
 * The digest of a suite, by its name.
 * @throws SecpiError `suites/unknown-suite` with the nearest name as a suggestion.
 */
export async function suiteDigest(name: string): Promise<Sha256> {
  return suiteNamed(name).digest();
}

function suiteNamed(name: string): KnownSuite {
  const known = Object.hasOwn(SUITES, name) ? SUITES[name] : undefined;
  if (known !== undefined) return known;
  const names = Object.keys(SUITES);
  const near = nearestName(name, names);
  throw new SecpiError('suites/unknown-suite', `there is no suite called "${clip(name, 60)}"`, {
    hint: near === undefined ? `The suites are: ${names.join(', ')}.` : `Did you mean "${near}"?`,
    exitCode: 2,
  });
}
