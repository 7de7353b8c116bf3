/** Time for tests: what waits with `setTimeout` of `node:timers/promises` can be let wait for as long as a test wants. */
import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers/promises';

/** Waits in the place of Node's own timer. */
export type Sleep = (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>;

/** Puts another timer where all code finds Node's own, until disposed; `make` is given that one. */
export function replaceSleep(make: (real: Sleep) => Sleep): Disposable {
  const original = timers.setTimeout;
  const sleep = make((milliseconds, signal) =>
    original(milliseconds, undefined, signal === undefined ? {} : { signal }),
  );
  const replaced = async <T>(milliseconds = 1, value?: T, options: { readonly signal?: AbortSignal } = {}) => {
    await sleep(milliseconds, options.signal);
    return value as T;
  };
  timers.setTimeout = replaced as typeof original;
  syncBuiltinESMExports();
  return {
    [Symbol.dispose]() {
      timers.setTimeout = original;
      syncBuiltinESMExports();
    },
  };
}
