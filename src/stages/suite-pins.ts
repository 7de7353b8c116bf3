import type { Sha256 } from '../base/hash.js';
import type { StageServices } from './services.js';

/** The digests of suites by their names, as they enter fingerprints. */
export async function suitePins(
  names: readonly string[],
  services: StageServices,
): Promise<Readonly<Record<string, Sha256>>> {
  const digests = await Promise.all(names.map((name) => services.suiteDigest(name)));
  return Object.fromEntries(names.map((name, index) => [name, digests[index] as Sha256]));
}
