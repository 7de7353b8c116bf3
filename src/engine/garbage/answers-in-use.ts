import { ulid } from 'ulid';
import { acquireLock } from '../../base/locks/lock.js';
import type { StateDirectory } from '../state-directory.js';

/**
 * Keeps answers of models from `secpi gc --answers` while something other than a run asks or reads them, until it is disposed of. A lock that
 * nobody else wants, so that gc can tell one who is at work from one who died, as it does with runs.
 */
export async function holdAnswers(state: StateDirectory, signal: AbortSignal): Promise<AsyncDisposable> {
  const lock = await acquireLock(state.answersLock(ulid()), { signal });
  return { [Symbol.asyncDispose]: () => lock.release() };
}

/** Whether a file among the locks is one of these. */
export function holdsAnswers(name: string): boolean {
  return /^answers-[0-9A-Z]{26}\.lock$/.test(name);
}
