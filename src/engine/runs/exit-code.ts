import type { RunFinished } from './event.js';
import type { Interruption } from './interruption.js';

/** What the process says when it ends: done, a stage failed, bad usage or recipe, a gate said no, Ctrl-C, TERM. */
export type ExitCode = 0 | 1 | 2 | 3 | 130 | 143;

/** The exit code of a run. `failure` is the code that the failed stage's error asks for. */
export function exitCodeOf(
  outcome: RunFinished['outcome'],
  failure: 1 | 2 | 3 = 1,
  signal: Interruption['signal'] = 'SIGINT',
): ExitCode {
  switch (outcome) {
    case 'done':
      return 0;
    case 'failed':
      return failure;
    case 'gate':
      return 3;
    case 'interrupted':
      return signal === 'SIGTERM' ? 143 : 130;
  }
}
