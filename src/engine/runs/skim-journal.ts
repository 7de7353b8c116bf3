import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere } from '../../base/files/if-there.js';
import { pieceBytes } from '../../base/files/pieces.js';
import { type BytePlace, readBytes } from '../../base/files/read-bytes.js';
import type { StateDirectory } from '../state-directory.js';
import { type JournalEvent, parseEvent } from './event.js';
import { EVENTS } from './journal.js';

/**
 * How a run stands, from a journal of any length. A run of weeks says the same kind of thing a million times, and only the newest
 * progress, the shape of a curve and the last warnings matter. Which kind a line is shows in its first bytes (`journal.ts` puts them in
 * that order); a line is looked at no further unless it is kept.
 */

const CHUNK_BYTES = 1024 * 1024;
const LINE_FEED = 0x0a;
/** Enough for the rate over the last half minute. */
const PROGRESS_KEPT = 128;
/** Enough for a curve that is drawn. */
const POINTS_KEPT = 512;
const LOGS_KEPT = 64;

/** Keeps the last so many. */
class Newest {
  readonly #most: number;
  #places: BytePlace[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  add(place: BytePlace): void {
    this.#places.push(place);
    // Cut down now and then: to shift an array at each line would take longer than all the rest.
    if (this.#places.length >= this.#most * 2) this.#places = this.#places.slice(-this.#most);
  }

  get places(): readonly BytePlace[] {
    return this.#places.slice(-this.#most);
  }
}

/** Keeps some, evenly spread, and always the last. */
class Spread {
  readonly #most: number;
  #places: BytePlace[] = [];
  #last: BytePlace | undefined;
  #seen = 0;
  #every = 1;

  constructor(most: number) {
    this.#most = most;
  }

  add(place: BytePlace): void {
    this.#last = place;
    if (this.#seen % this.#every === 0) this.#places.push(place);
    this.#seen += 1;
    if (this.#places.length < this.#most * 2) return;
    this.#places = this.#places.filter((_, index) => index % 2 === 0);
    this.#every *= 2;
  }

  get places(): readonly BytePlace[] {
    const tail = this.#last === undefined || this.#places.at(-1) === this.#last ? [] : [this.#last];
    return [...this.#places, ...tail];
  }
}

interface Kind {
  /** The bytes before its time, which all lines of a kind have in common. */
  readonly head: Uint8Array;
  readonly keeper: Newest | Spread;
}

const HEAD = /^\{"type":"(progress|metric|log|stage-waiting)","stage":"[^"\\]*"(?:,"level":"[a-z]+")?,"time":"/;
const LONGEST_HEAD = 512;

function kindOf(line: string): Kind | undefined {
  const [head, type] = HEAD.exec(line) ?? [];
  if (head === undefined) return undefined;
  const keeper = type === 'metric' ? new Spread(POINTS_KEPT) : new Newest(type === 'log' ? LOGS_KEPT : PROGRESS_KEPT);
  return { head: Buffer.from(head), keeper };
}

/** Sorts the lines of a journal into those that count one by one, and those of which some are enough. */
class Skimmer {
  readonly #important: BytePlace[] = [];
  readonly #kinds: Kind[] = [];

  /** `start`: where the line begins in `bytes`; `place`: where it stands in the file. */
  add(bytes: Buffer, start: number, place: BytePlace): void {
    for (const { head, keeper } of this.#kinds) {
      if (!beginsWith(bytes, start, head)) continue;
      keeper.add(place);
      return;
    }
    const kind = kindOf(bytes.toString('utf8', start, start + Math.min(place.length, LONGEST_HEAD)));
    if (kind === undefined) {
      this.#important.push(place);
      return;
    }
    kind.keeper.add(place);
    this.#kinds.push(kind);
  }

  /** What is kept, in the order in which it was said. */
  get places(): readonly BytePlace[] {
    const kept = [...this.#important, ...this.#kinds.flatMap(({ keeper }) => keeper.places)];
    return kept.sort((a, b) => a.start - b.start);
  }
}

/** By hand: at a million lines a call into the runtime for each costs more than the few bytes. */
function beginsWith(bytes: Uint8Array, start: number, head: Uint8Array): boolean {
  for (let index = head.length - 1; index >= 0; index -= 1) {
    if (bytes[start + index] !== head[index]) return false;
  }
  return true;
}

/** Shows a skimmer every whole line. A last one without its end was cut off by the death of the run. */
async function skim(handle: FileHandle): Promise<Skimmer> {
  const skimmer = new Skimmer();
  let buffer = Buffer.allocUnsafe(pieceBytes((await handle.stat()).size, CHUNK_BYTES));
  let position = 0;
  for (;;) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    const bytes = buffer.subarray(0, bytesRead);
    let from = 0;
    for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, from)) {
      skimmer.add(bytes, from, { start: position + from, length: end - from });
      from = end + 1;
    }
    const isFull = bytesRead === buffer.length;
    if (from === 0 && !isFull) return skimmer;
    // A line that is longer than the buffer needs a longer one; otherwise the next look begins where that line does.
    if (from === 0) buffer = Buffer.allocUnsafe(buffer.length * 2);
    position += from;
  }
}

/** The events that tell how a run stands, in their order. None if it has not said anything yet. */
export async function skimEvents(state: StateDirectory, run: string): Promise<readonly JournalEvent[]> {
  const handle = await ifThere(open(join(state.run(run), EVENTS), 'r'));
  if (handle === undefined) return [];
  try {
    const events: JournalEvent[] = [];
    for (const place of (await skim(handle)).places) {
      const event = parseEvent(await readBytes(handle, place));
      if (event !== undefined) events.push(event);
    }
    return events;
  } finally {
    await handle.close();
  }
}
