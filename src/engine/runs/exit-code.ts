import type { RunFinished } from './event.js';
import type { Interrupter } from './interruption.js';

/** What the process says when it ends: done, a stage failed, bad usage or recipe, a gate said no, left, Ctrl-C, TERM. */
export type ExitCode = 0 | 1 | 2 | 3 | 75 | 130 | 143;

/** The exit code of a run. `failure` is the code that the failed stage's error asks for. */
export function exitCodeOf(
  outcome: RunFinished['outcome'],
  failure: 1 | 2 | 3 = 1,
  by: Interrupter = 'SIGINT',
): ExitCode {
  switch (outcome) {
    case 'done':
      return 0;
    case 'failed':
      return failure;
    case 'gate':
      return 3;
    case 'interrupted':
    case 'detached':
      return interruptedExitCode(by);
  }
}

/** Of whatever was told to end. */
export function interruptedExitCode(by: Interrupter): 75 | 130 | 143 {
  switch (by) {
    case 'SIGINT':
    case 'cancel':
      return 130;
    case 'SIGTERM':
    case 'SIGUSR2':
      return 143;
    // EX_TEMPFAIL of sysexits.h: neither done nor failed, and worth asking for again.
    case 'leave':
      return 75;
  }
}
