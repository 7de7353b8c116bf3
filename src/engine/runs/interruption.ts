/**
 * Who ended a run before it was done: a signal of the system, or another process that asked (`run-request.ts`) for it to stop as by
 * Ctrl-C (`cancel`) or to leave (`leave`).
 */
export type Interrupter = 'SIGINT' | 'SIGTERM' | 'SIGUSR2' | 'cancel' | 'leave';

/**
 * Why a run was asked to end. It is the reason of the run's AbortSignal:
 * `controller.abort(new Interruption('SIGINT'))`, and what a stage throws when it sees the signal.
 */
export class Interruption extends Error {
  override readonly name = 'Interruption';
  readonly by: Interrupter;

  constructor(by: Interrupter) {
    super(by === 'leave' ? 'told to leave' : `interrupted by ${by}`);
    this.by = by;
  }
}

/** Whether the signal was aborted because the run leaves: what it has begun on other machines goes on, and is not told to stop. */
export function isLeaving({ reason }: AbortSignal): boolean {
  return reason instanceof Interruption && reason.by === 'leave';
}
