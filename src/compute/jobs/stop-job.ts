import { setTimeout as sleep } from 'node:timers/promises';
import { type Place, unreachable } from '../places/place.js';
import type { Handle } from './handle.js';
import type { AttemptState } from './job.js';

const poll = { firstMs: 500, growth: 1.5, mostMs: 5000 } as const;

/**
 * Ends a job that nobody follows any more, and waits until it is over; it has its own seconds to save what it has. Begins nothing.
 * `none`: nothing of it has begun there, or nothing is left of it.
 *
 * @throws SecpiError `compute/unreachable`, what the agent says; the signal's reason: the job has then been asked to stop, or not.
 */
export async function stopJob(
  place: Place,
  { folder, attempt }: Pick<Handle, 'folder' | 'attempt'>,
  signal: AbortSignal,
): Promise<'stopped' | 'over' | 'none'> {
  const ask = { folder, attempt };
  const before = await stateOf(place, ask, signal);
  if (before.state === 'new') return 'none';
  if (isOver(before)) return 'over';
  for await (const _line of place.ask('cancel', ask, signal));
  for (let pauseMs: number = poll.firstMs; ; pauseMs = Math.min(poll.mostMs, pauseMs * poll.growth)) {
    const now = await stateOf(place, ask, signal);
    // It may have come to its own end in the meantime.
    if (isOver(now)) return now.exit === undefined || now.exit.outcome === 'stopped' ? 'stopped' : 'over';
    await sleep(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

function isOver({ state }: AttemptState): boolean {
  return state === 'exited' || state === 'lost';
}

/** How an attempt stands, asked once. Throws `compute/unreachable`. */
export async function stateOf(
  place: Place,
  ask: Pick<Handle, 'folder' | 'attempt'>,
  signal: AbortSignal,
): Promise<AttemptState> {
  for await (const line of place.ask('poll', ask, signal)) if (line.type === 'state') return line;
  throw unreachable(place.name);
}
