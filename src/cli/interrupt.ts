import { interruptedExitCode } from '../engine/runs/exit-code.js';
import { type Interrupter, Interruption } from '../engine/runs/interruption.js';
import type { RunRequest } from '../engine/runs/run-request.js';

/** The signals that tell a command to end. USR2 is what batch systems are asked to send before a time limit. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGUSR2'] as const;

export interface Interrupt extends Disposable {
  readonly signal: AbortSignal;
  /** What another process asks for. */
  readonly onRequest: (ask: RunRequest) => void;
}

/**
 * An abort signal that Ctrl-C, TERM and USR2 trigger. The first asks everything to stop where it can be resumed (a run's view
 * says so); a second one ends the process at once, which is safe too: nothing half-written counts.
 */
export function abortOnSignals(): Interrupt {
  const controller = new AbortController();
  const endAtOnce = (by: Interrupter): never => process.exit(interruptedExitCode(by));
  const handler = (name: (typeof SIGNALS)[number]): void => {
    if (controller.signal.aborted) endAtOnce(name);
    controller.abort(new Interruption(name));
  };
  for (const name of SIGNALS) process.on(name, handler);
  return {
    signal: controller.signal,
    // What is asked for again, or asked for while it ends, changes nothing: aborting twice does not.
    onRequest(ask) {
      if (ask === 'now') endAtOnce('cancel');
      controller.abort(new Interruption(ask === 'leave' ? 'leave' : 'cancel'));
    },
    [Symbol.dispose]() {
      for (const name of SIGNALS) process.off(name, handler);
    },
  };
}
