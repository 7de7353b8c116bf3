import type { Contender, Trial } from './contender.js';
import type { Ideal } from './faults.js';
import type { Measured } from './measured.js';
import type { Question } from './questions.js';
import type { Served } from './server.js';

/** What came of one contender under one load. */
export interface Figures {
  readonly contender: string;
  readonly concurrency: number;
  readonly faults: boolean;
  readonly tasks: number;
  /** The whole command, from its start to its end. */
  readonly seconds: number;
  /** From the first request that the server saw to the last complete answer that it gave. */
  readonly askingSeconds: number;
  readonly cpuMsPerTask: number;
  readonly peakMB: number;
  /** Questions for which it has no answer in the end, or a wrong one. */
  readonly lost: number;
  /** Questions that the server answered completely more than once. */
  readonly twice: number;
  readonly requests: number;
  /** Requests of a second run after one row was edited; not tried under faults, nor where the first has failed. */
  readonly afterEdit: number | undefined;
  /** From the end of the outage until answers came as often as before it. */
  readonly recoverySeconds: number | undefined;
  readonly ideal: Ideal;
  /** How the command ended: its exit code, `null` when it was ended for taking too long. */
  readonly code: number | null;
}

/** Of these questions, how many it has no right answer to. Throws when it has one that the server never gave: then nothing here can be believed. */
export async function lostOf(
  contender: Contender,
  trial: Trial,
  questions: readonly Question[],
  served: Served,
): Promise<number> {
  const held = new Set<number>();
  for await (const [id, text] of contender.answers(trial)) {
    const question = questions[id];
    if (question === undefined || !text.includes(`answer to ${question.digest}`)) continue;
    if (served.answers[question.digest] === undefined)
      throw new Error(`${contender.name} has an answer to question ${id}, and the server never gave it`);
    held.add(id);
  }
  return questions.length - held.size;
}

function twiceOf({ answers }: Served): number {
  return Object.values(answers).filter((count) => count > 1).length;
}

function askingSecondsOf({ first, times }: Served): number {
  return ((times.at(-1) ?? first) - first) / 1000;
}

const WINDOW_MS = 1000;
const AS_BEFORE = 0.8;
/** Long enough behind a burst that it does not count as how it was before. */
const BEFORE_MS = 3000;

/**
 * Seconds from the end of the outage to the first second in which 0.8 of the answers came that came in a second before it; `undefined` when there was no
 * outage, or no such second.
 */
function recoverySecondsOf({ outage, times }: Pick<Served, 'outage' | 'times'>): number | undefined {
  if (outage === undefined) return undefined;
  const before = times.filter((time) => time > outage.from - BEFORE_MS && time <= outage.from);
  const span = Math.min(BEFORE_MS, outage.from - (times[0] ?? outage.from));
  const wanted = AS_BEFORE * before.length * (WINDOW_MS / span);
  const after = times.filter((time) => time > outage.to);
  const last = after.at(-1) ?? 0;
  let end = 0;
  for (const [index, time] of after.entries()) {
    while ((after[end] ?? Number.POSITIVE_INFINITY) < time + WINDOW_MS) end += 1;
    if (time + WINDOW_MS > last) break;
    if (end - index >= wanted) return (time - outage.to) / 1000;
  }
  return undefined;
}

/** A run as figures. */
export function figuresOf(
  measured: Measured,
  served: Served,
  given: Pick<Figures, 'contender' | 'concurrency' | 'faults' | 'tasks' | 'lost' | 'afterEdit' | 'ideal'>,
): Figures {
  return {
    ...given,
    seconds: measured.seconds,
    askingSeconds: askingSecondsOf(served),
    cpuMsPerTask: (measured.cpuSeconds * 1000) / given.tasks,
    peakMB: measured.peakBytes / 1e6,
    twice: twiceOf(served),
    requests: served.requests,
    recoverySeconds: recoverySecondsOf(served),
    code: measured.code,
  };
}
