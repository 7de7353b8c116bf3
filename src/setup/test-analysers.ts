import { join } from 'node:path';
import { packageRoot } from '../base/package-root.js';
import type { SetUpContext } from './set-up-step.js';
import { findSmallEnvironment, prepareSmallEnvironment, type SmallEnvironment } from './small-environment.js';

/** The analysers of secpi's own tests: with one more package among the trainers' all of those would be installed anew. */
function analysersIn(cache: string): SmallEnvironment {
  const requirements = join(packageRoot, 'trainers', 'requirements-analysers.lock');
  return { parent: join(cache, 'python'), name: 'analysers', requirements };
}

/** The folder of their programs; `undefined` where they are not set up. */
export async function findTestAnalysers(cache: string): Promise<string | undefined> {
  const found = await findSmallEnvironment(analysersIn(cache));
  return found && join(found.folder, 'bin');
}

/**
 * Installs them unless they are there.
 *
 * @throws SecpiError `python/not-found`, `python/set-up-failed`.
 */
export async function prepareTestAnalysers(context: SetUpContext & { readonly cache: string }): Promise<void> {
  await prepareSmallEnvironment(analysersIn(context.cache), context);
}
