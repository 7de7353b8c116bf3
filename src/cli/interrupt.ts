import { Interruption } from '../engine/runs/interruption.js';

/**
 * An abort signal that Ctrl-C and TERM trigger. The first asks everything to stop where it can be resumed (a run's view
 * says so); a second one ends the process at once, which is safe too: nothing half-written counts.
 */
export function abortOnSignals(): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const handler = (name: 'SIGINT' | 'SIGTERM') => {
    if (controller.signal.aborted) process.exit(name === 'SIGTERM' ? 143 : 130);
    controller.abort(new Interruption(name));
  };
  process.on('SIGINT', handler);
  process.on('SIGTERM', handler);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      process.off('SIGINT', handler);
      process.off('SIGTERM', handler);
    },
  };
}
