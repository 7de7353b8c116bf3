import { createHash } from 'node:crypto';

/** What happens to one attempt, and for how long it holds a place. */
export type Fate = 'answered' | 'slow' | 'refused' | 'reset' | 'truncated' | 'stalled';

/** Shares of the attempts; each attempt at a question is decided anew. */
const SHARES: readonly (readonly [Fate, number])[] = [
  ['refused', 0.02],
  ['reset', 0.01],
  ['truncated', 0.01],
  ['stalled', 0.005],
];
/** Share of the questions that take so much longer, at every attempt. */
const SLOW = { share: 0.01, ms: 5000 } as const;
/** What a client must wait to know that an answer whose beginning is there will not go on. No honest answer here pauses at all. */
const STALL_MS = 5000;

/** Times when everybody is refused: each begins when this share of the questions has been answered. */
export const WINDOWS = [
  { kind: 'burst', at: 0.15, ms: 1000 },
  { kind: 'burst', at: 0.3, ms: 1000 },
  { kind: 'outage', at: 0.5, ms: 8000 },
  { kind: 'burst', at: 0.85, ms: 1000 },
] as const;

/** In [0, 1), the same again for the same text. */
function chance(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE() / 2 ** 32;
}

/** What becomes of an attempt at a question, whoever makes it; attempts count from 0, and those within a window do not count. */
export function fateOf(digest: string, attempt: number): Fate {
  let drawn = chance(`${digest} ${attempt}`);
  for (const [fate, share] of SHARES) {
    if (drawn < share) return fate;
    drawn -= share;
  }
  return chance(`${digest} slow`) < SLOW.share ? 'slow' : 'answered';
}

/** How long the server takes until it does what it does. */
export function delayOf(fate: Fate, latencyMs: number): number {
  if (fate === 'refused') return 0;
  return fate === 'slow' ? latencyMs + SLOW.ms : latencyMs;
}

export interface Ideal {
  /** All questions at once, so many at a time, plus the windows: c / (latency + Σ probability · hold). */
  readonly seconds: number;
  /** And a last question that is as slow as the slowest: nobody who never leaves a place empty takes longer. */
  readonly withTail: number;
}

/**
 * How long a client takes that wastes nothing: it asks again at once, knows a stall as soon as one can, and costs no processor time. Its places are
 * held for just as long as the server, or a stall, holds them; the faults are those that these very questions meet.
 */
export function idealOf(
  digests: readonly string[],
  concurrency: number,
  { latencyMs, faults }: { readonly latencyMs: number; readonly faults: boolean },
): Ideal {
  let held = 0;
  let longest = 0;
  for (const digest of digests) {
    const before = held;
    for (let attempt = 0; ; attempt += 1) {
      const fate = faults ? fateOf(digest, attempt) : 'answered';
      held += delayOf(fate, latencyMs) + (fate === 'stalled' ? STALL_MS : 0);
      if (fate === 'answered' || fate === 'slow') break;
    }
    longest = Math.max(longest, held - before);
  }
  const dead = faults ? WINDOWS.reduce((sum, { ms }) => sum + ms, 0) : 0;
  const seconds = (held / concurrency + dead) / 1000;
  return { seconds, withTail: seconds + (longest * (1 - 1 / concurrency)) / 1000 };
}
