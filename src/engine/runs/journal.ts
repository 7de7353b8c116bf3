import { join } from 'node:path';
import { SecpiError } from '../../base/errors.js';
import { createJsonLines } from '../../base/files/json-lines.js';
import { expectedError, sentenceOf } from '../../base/files/system-error.js';
import type { JournalEvent, RunEvent } from './event.js';

/** Hides secrets in a text. */
export type Redact = (text: string) => string;

/** The one place where events of a run go; everything that shows a run reads what comes out here. */
export interface Journal {
  /** Stamps, redacts, writes and hands on one event; returns it as it was written. Never throws; see `flush`. */
  emit(event: RunEvent): JournalEvent;
  /** Waits until everything emitted is in the file. Throws `engine/journal-lost` if that did not work, e.g. on a full disk. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Name of the journal inside a run's folder. */
export const EVENTS = 'events.jsonl';

/** A copy with every text redacted; numbers that JSON does not know become null. */
function clean(value: unknown, redact: Redact): unknown {
  if (typeof value === 'string') return redact(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (Array.isArray(value)) return value.map((item) => clean(item, redact));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [redact(key), clean(item, redact)]));
}

/** What a line is about comes first, so that whoever skims a long journal need not parse it. */
function inOrder(event: RunEvent, time: string): object {
  const { type, ...rest } = event;
  const stage = 'stage' in event ? { stage: event.stage } : {};
  const level = event.type === 'log' ? { level: event.level } : {};
  return { type, ...stage, ...level, time, ...rest };
}

export interface JournalOptions {
  /** The run's folder; it exists and holds no journal yet. */
  readonly folder: string;
  readonly redact: Redact;
  /** Called with every event after it was stamped and redacted, in order. What it throws is a bug of the reader and is dropped. */
  readonly onEvent?: ((event: JournalEvent) => void) | undefined;
}

/** Opens a new journal. Events are written as they come, without fsync: they outlive kill -9, and a power cut ends the run anyway. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const lines = await createJsonLines<JournalEvent>(join(options.folder, EVENTS), { durable: false });
  let written: Promise<void> = Promise.resolve();
  let failure: { readonly cause: unknown } | undefined;

  const flush = async (): Promise<void> => {
    await written;
    if (failure === undefined) return;
    const reason = expectedError(failure.cause);
    throw new SecpiError('engine/journal-lost', `the run's events are lost: ${sentenceOf(failure.cause)}`, {
      hint: reason?.hint,
      cause: failure.cause,
    });
  };

  return {
    emit(event) {
      const stamped = clean(inOrder(event, new Date().toISOString()), options.redact) as JournalEvent;
      written = lines.append(stamped).catch((cause: unknown) => {
        failure ??= { cause };
      });
      try {
        options.onEvent?.(stamped);
      } catch {
        // A view that fails must not take the run with it.
      }
      return stamped;
    },
    flush,
    async close() {
      await written;
      await lines.close();
      await flush();
    },
  };
}
