import { join } from 'node:path';
import * as z from 'zod';
import { clip } from '../base/clip.js';
import { SecpiError } from '../base/errors.js';
import type { Sha256 } from '../base/hash.js';
import { packageRoot } from '../base/package-root.js';
import { nearestName } from '../base/suggestion.js';
import { filesModule } from './files/files-suite.js';
import type { SuiteFiles } from './module.js';
import type { Suite } from './suite.js';

/** Where a suite comes from: one key says of which kind it is. Adding a kind = its folder, a key here, and a line in `opened`. */
export const suiteOriginSchema = z
  .strictObject({
    /** A folder of problems: [how one is written](suites.md). */
    files: filesModule.options.optional(),
  })
  .refine((origin) => Object.keys(origin).length === 1, 'names exactly one kind of suite');
export type SuiteOrigin = z.infer<typeof suiteOriginSchema>;

/** Data, not code: the build does not copy it, so it is read from the package's folder. */
const bundledProblems = join(packageRoot, 'src', 'suites', 'mini', 'problems');

/** Suites that have a name of their own, which a recipe uses without saying where they come from. */
const KNOWN: Readonly<Record<string, { readonly origin: SuiteOrigin; readonly about: string }>> = {
  mini: {
    origin: { files: bundledProblems },
    about: '18 small problems in C, C++, Go, JavaScript and Python, which come with secpi',
  },
};

/** Their names. */
export const KNOWN_SUITES: readonly string[] = Object.keys(KNOWN);

/** What a suite of that name is, in a few words; nothing of one that has no name of its own. */
export function aboutSuite(name: string): string {
  return Object.hasOwn(KNOWN, name) ? (KNOWN[name]?.about ?? '') : '';
}

/**
 * Loads a suite.
 * @throws SecpiError what is wrong with its problems.
 */
export async function loadSuite(name: string, origin: SuiteOrigin, files: SuiteFiles): Promise<Suite> {
  return opened(name, origin, files).load();
}

/** The digest of a suite, without the work of loading it. */
export async function suiteDigest(name: string, origin: SuiteOrigin, files: SuiteFiles): Promise<Sha256> {
  return opened(name, origin, files).digest();
}

/**
 * Where a suite of that name comes from: as the recipe says, or by its own name.
 * @throws SecpiError `suites/unknown-suite` with the nearest name as a suggestion.
 */
export function suiteOrigin(name: string, given: SuiteOrigin | undefined): SuiteOrigin {
  const known = given ?? (Object.hasOwn(KNOWN, name) ? KNOWN[name]?.origin : undefined);
  if (known !== undefined) return known;
  const near = nearestName(name, KNOWN_SUITES);
  throw new SecpiError('suites/unknown-suite', `there is no suite called "${clip(name, 60)}"`, {
    hint: near === undefined ? `The suites are: ${KNOWN_SUITES.join(', ')}.` : `Did you mean "${near}"?`,
    exitCode: 2,
  });
}

function opened(
  name: string,
  origin: SuiteOrigin,
  files: SuiteFiles,
): { load(): Promise<Suite>; digest(): Promise<Sha256> } {
  if (origin.files !== undefined) {
    const folder = origin.files;
    return { load: () => filesModule.load(name, folder, files), digest: () => filesModule.digest(folder, files) };
  }
  throw new TypeError('a suite comes from somewhere');
}
