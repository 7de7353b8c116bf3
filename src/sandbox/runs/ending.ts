import { constants } from 'node:os';
import type { SandboxEnding } from '../sandbox.js';

/** How a run ended, from how bubblewrap did. */
export function endingOf(
  stoppedBy: 'caller' | 'timeout' | 'output-limit' | null,
  exitCode: number | null,
  signal: string | null,
): SandboxEnding {
  if (stoppedBy === 'timeout') return { how: 'timed-out' };
  if (stoppedBy === 'output-limit') return { how: 'output-limit' };
  // bubblewrap reports death by signal n as exit code 128 + n, as shells do.
  const name = signal ?? SIGNALS.get((exitCode ?? 0) - 128) ?? null;
  if (name === 'SIGXCPU') return { how: 'timed-out' };
  if (name !== null) return { how: 'signalled', signal: name };
  return { how: 'exited', exitCode: exitCode ?? 0 };
}

/** Where one number has two names (SIGABRT, SIGIOT) the first, usual one comes last here and stays. */
const SIGNALS = new Map(
  Object.entries(constants.signals)
    .reverse()
    .map(([name, number]) => [number, name]),
);
