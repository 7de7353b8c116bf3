import type { Clock } from './clock.js';

type Level = 'info' | 'warn';

interface Kind {
  readonly saidAt: number;
  unsaid: number;
  last: string;
}

const QUIET_MS = 60_000;

/** Says the same kind of thing once a minute at most, and then how often it happened: a wall of lines is read by nobody. */
export class Notices {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #log: (level: Level, message: string) => void;
  readonly #kinds = new Map<string, Kind>();

  constructor(clock: Pick<Clock, 'now'>, log: (level: Level, message: string) => void) {
    this.#clock = clock;
    this.#log = log;
  }

  note(kind: string, level: Level, message: string): void {
    const now = this.#clock.now();
    const said = this.#kinds.get(kind);
    if (said !== undefined && now - said.saidAt < QUIET_MS) {
      said.unsaid += 1;
      said.last = message;
      return;
    }
    this.#log(level, said === undefined ? message : withCount(message, said.unsaid));
    this.#kinds.set(kind, { saidAt: now, unsaid: 0, last: message });
  }

  /** Says what has not been said yet. It is over, so nobody needs to be warned any more. */
  flush(): void {
    for (const { unsaid, last } of this.#kinds.values()) if (unsaid > 0) this.#log('info', withCount(last, unsaid - 1));
    this.#kinds.clear();
  }
}

function withCount(message: string, more: number): string {
  return more === 0 ? message : `${message} (and ${more} more of the kind since the last line)`;
}
