/** How long a server may be silent: before the first sign of an answer, and from then on. */
export type Silence = 'before' | 'within';

/** Fewer answers than this say nothing. */
const ENOUGH_ANSWERS = 20;
/** So many times the longest silence of late is taken for a stall. */
const FACTOR = 10;
/** Answers of late: the last one to two times as many. */
const RECENT = 500;
/** When more than this share of the attempts of one time is taken for stalled, it is patience that was too short. */
const TOO_OFTEN = 0.05;
const TOO_OFTEN_AT_LEAST = 4;
/** So many attempts that began one after the other are of one time. */
const OF_ONE_TIME = 100;

interface Heard {
  answers: number;
  readonly longest: Record<Silence, number>;
}

/** What became of attempts of one time. */
export interface Peers {
  begun: number;
  answered: number;
  expired: number;
}

/**
 * Learns from a server's answers how long it is ever silent, so that an attempt that hangs is noticed in seconds where
 * answers take milliseconds, and not before minutes where they take minutes.
 */
export class Patience {
  readonly #mostSeconds: Readonly<Record<Silence, number>>;
  readonly #leastSeconds: Readonly<Record<Silence, number>>;
  #recent = nothingHeard();
  #earlier = nothingHeard();
  #peers: Peers = { begun: 0, answered: 0, expired: 0 };
  #stretch = 1;

  /** `mostSeconds` are the limits while nothing is known, and ever. */
  constructor(mostSeconds: Readonly<Record<Silence, number>>, leastSeconds: Readonly<Record<Silence, number>>) {
    this.#mostSeconds = mostSeconds;
    this.#leastSeconds = leastSeconds;
  }

  /** The longest silence that is waited for right now, in seconds. */
  seconds(silence: Silence): number {
    if (this.#recent.answers + this.#earlier.answers < ENOUGH_ANSWERS) return this.#mostSeconds[silence];
    const longest = Math.max(this.#recent.longest[silence], this.#earlier.longest[silence]);
    const wanted = Math.max(this.#leastSeconds[silence], longest * FACTOR) * this.#stretch;
    return Math.min(this.#mostSeconds[silence], wanted);
  }

  /** An attempt begins: those that it is to be compared with. In an outage hardly anything but what had begun to stall before it comes to an end. */
  begin(): Peers {
    if (this.#peers.begun >= OF_ONE_TIME) this.#peers = { begun: 0, answered: 0, expired: 0 };
    this.#peers.begun += 1;
    return this.#peers;
  }

  /** An answer is complete; these were its longest silences. */
  answered(peers: Peers, silences: Readonly<Record<Silence, number>>): void {
    peers.answered += 1;
    this.#recent.answers += 1;
    for (const silence of ['before', 'within'] as const)
      this.#recent.longest[silence] = Math.max(this.#recent.longest[silence], silences[silence]);
    if (this.#recent.answers < RECENT) return;
    this.#stretch = Math.max(1, this.#stretch / 2);
    this.#earlier = this.#recent;
    this.#recent = nothingHeard();
  }

  /** An attempt was given up for its silence. */
  expired(peers: Peers): void {
    peers.expired += 1;
    const { expired, answered } = peers;
    if (expired < TOO_OFTEN_AT_LEAST || expired < TOO_OFTEN * (answered + expired)) return;
    this.#stretch *= 2;
    peers.expired = 0;
  }
}

function nothingHeard(): Heard {
  return { answers: 0, longest: { before: 0, within: 0 } };
}
