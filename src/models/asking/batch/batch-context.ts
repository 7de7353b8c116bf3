import { SecpiError } from '../../../base/errors.js';
import type { AnswerStore } from '../../answers/answer-store.js';
import type { Clock } from '../clock.js';
import { Hopes } from '../hopes.js';
import type { Ledger } from '../ledger.js';
import type { Notices } from '../notices.js';
import type { BatchApi, Called } from './batch-api.js';
import type { BatchFolder } from './batch-folder.js';

/** What those share who work on the batches of one model. */
export interface BatchContext {
  /** The model's name in the recipe, for messages. */
  readonly name: string;
  readonly endpoint: string;
  /** The server, reached when it is needed for the first time. Throws `models/no-key`. */
  readonly api: () => BatchApi;
  readonly folder: BatchFolder;
  readonly store: AnswerStore;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly notices: Notices;
  readonly pollSeconds: number;
  readonly saturationSeconds: number;
}

/** Pauses grow to so many times the first one. */
const LONGEST_PAUSE = 10;
const GROWTH = 1.5;
/** A server is given up after so many failures at least, however long they took. */
const FAILURES_BEFORE_GIVING_UP = 5;
/** There is no such address, or nothing can be done there. */
const NO_SUCH_ADDRESS = [404, 405, 501];

/** The pause before the next look, in ms, by how many there were. */
export function pauseMs({ pollSeconds, clock }: BatchContext, looks: number): number {
  return 1000 * pollSeconds * Math.min(LONGEST_PAUSE, GROWTH ** looks) * (0.9 + 0.2 * clock.random());
}

/**
 * Makes a call until it succeeds. A server that is away is given up after `saturation_seconds`; one that says that there is too much just
 * now is waited for as long as that takes. Throws `models/saturated`, what meets every call alike, and `models/no-batch-api`.
 */
export async function callAgain<Value>(
  context: BatchContext,
  what: string,
  signal: AbortSignal,
  call: () => Promise<Called<Value>>,
): Promise<Value> {
  const { name, clock, notices, saturationSeconds } = context;
  const hopes = new Hopes(name, { hasAnswered: false });
  let failures = 0;
  let since: number | undefined;
  for (let calls = 0; ; calls += 1) {
    const called = await call();
    if (called.ok) return called.value;
    const { status, reason, message, retryable } = called;
    if (status !== undefined && NO_SUCH_ADDRESS.includes(status)) throw noBatchApi(name, what, message);
    hopes.throwIfNone(called);
    if (!retryable) throw batchRefused(name, what, message);
    notices.note(`batch: ${what}`, 'warn', `${name}: cannot ${what} just now (${message}); it is tried again`);
    if (reason === 'rate_limit') {
      failures = 0;
      since = undefined;
    } else {
      failures += 1;
      since ??= clock.now();
      const seconds = (clock.now() - since) / 1000;
      if (failures >= FAILURES_BEFORE_GIVING_UP && seconds > saturationSeconds) throw givenUp(name, what, message);
    }
    const wished = (called.retryAfterSeconds ?? 0) * 1000;
    await clock.sleep(
      Math.max(pauseMs(context, calls), Math.min(wished, LONGEST_PAUSE * context.pollSeconds * 1000)),
      signal,
    );
  }
}

function noBatchApi(name: string, what: string, message: string): SecpiError {
  return new SecpiError('models/no-batch-api', `The server of model "${name}" cannot ${what}: ${message}`, {
    hint: `It seems to have no Batch API there. Check that the endpoint includes /v1, or set models.${name}.mode to online.`,
  });
}

export function batchRefused(name: string, what: string, message: string): SecpiError {
  return new SecpiError('models/batch-refused', `The server of model "${name}" refused to ${what}: ${message}`, {
    hint: `Nothing of it was bought. Change what it names (the model may take no batches: then set models.${name}.mode to online), and run the same command again.`,
  });
}

function givenUp(name: string, what: string, message: string): SecpiError {
  return new SecpiError(
    'models/saturated',
    `The server of model "${name}" is away, so secpi cannot ${what}: ${message}`,
    {
      hint: 'A batch that is there goes on without us, and every answer so far is kept: run the same command again.',
    },
  );
}
