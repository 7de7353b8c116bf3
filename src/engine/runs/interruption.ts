/**
 * Why a run was asked to stop. It is the reason of the run's AbortSignal:
 * `controller.abort(new Interruption('SIGINT'))`, and what a stage throws when it sees the signal.
 */
export class Interruption extends Error {
  override readonly name = 'Interruption';
  readonly signal: 'SIGINT' | 'SIGTERM';

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`interrupted by ${signal}`);
    this.signal = signal;
  }
}
