import type { Patience, Peers, Silence } from './patience.js';

/** Patience changes while an attempt is under way; so often it is looked at. */
const LOOK_SECONDS = 5;

/** Ends an attempt that takes too long as a whole, or that has been silent for longer than patience with its server goes. */
export class AttemptTimer {
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal;
  readonly #wholeSeconds: number;
  readonly #patience: Patience;
  readonly #peers: Peers;
  readonly #begun = performance.now();
  readonly #longest = { before: 0, within: 0 };
  #heardAt = this.#begun;
  #silence: Silence = 'before';
  #hasHeard = false;
  #timer: NodeJS.Timeout | undefined;
  /** Why it was ended, as a sentence. */
  expired: string | undefined;

  constructor(wholeSeconds: number, patience: Patience, caller: AbortSignal) {
    this.#wholeSeconds = wholeSeconds;
    this.#patience = patience;
    this.#peers = patience.begin();
    this.#caller = caller;
    caller.addEventListener('abort', this.#follow, { once: true });
    this.#look();
  }

  /** Whether anything has come. */
  get hasHeard(): boolean {
    return this.#hasHeard;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Something has come: some of the answer, or only a sign that somebody is at work on it. */
  heard(what: 'answer' | 'sign'): void {
    const now = performance.now();
    this.#longest[this.#silence] = Math.max(this.#longest[this.#silence], (now - this.#heardAt) / 1000);
    this.#heardAt = now;
    this.#hasHeard = true;
    if (what === 'answer') this.#silence = 'within';
  }

  /** The answer is complete: this is how long such a server is silent. */
  answered(): void {
    this.heard('answer');
    this.#patience.answered(this.#peers, this.#longest);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#caller.removeEventListener('abort', this.#follow);
  }

  readonly #follow = (): void => this.#controller.abort(this.#caller.reason);

  readonly #look = (): void => {
    const now = performance.now();
    const limit = this.#patience.seconds(this.#silence);
    const silent = limit - (now - this.#heardAt) / 1000;
    const whole = this.#wholeSeconds - (now - this.#begun) / 1000;
    if (whole <= 0) this.#expire(`no complete answer within ${this.#wholeSeconds} s`);
    else if (silent <= 0) {
      this.#patience.expired(this.#peers);
      this.#expire(`the server was silent for ${Number(limit.toPrecision(3))} s`);
    } else {
      this.#timer = setTimeout(this.#look, Math.ceil(Math.min(silent, whole, LOOK_SECONDS) * 1000));
    }
  };

  #expire(why: string): void {
    this.expired = why;
    this.#controller.abort(new Error(why));
  }
}
