interface Waiting {
  readonly names: readonly string[];
  readonly admit: () => void;
}

/**
 * Who may work at once: stages that occupy the same thing (a machine, say) take turns, in the order in which they asked. All that
 * a stage occupies is given to it in one step, so two can never each hold what the other waits for.
 */
export class Slots {
  readonly #limits: Readonly<Record<string, number>>;
  readonly #taken = new Map<string, number>();
  #queue: readonly Waiting[] = [];

  /** `limits`: how many may occupy a thing at once; 1 for what is not named. */
  constructor(limits: Readonly<Record<string, number>> = {}) {
    this.#limits = limits;
  }

  /** Waits for its turn. Throws the signal's reason. */
  async occupy(names: readonly string[], signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    const wanted = [...new Set(names)];
    await new Promise<void>((resolve, reject) => {
      const waiting = { names: wanted, admit: resolve };
      this.#queue = [...this.#queue, waiting];
      const leave = (): void => {
        this.#queue = this.#queue.filter((one) => one !== waiting);
        reject(signal.reason);
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#admit();
    });
    return {
      [Symbol.dispose]: () => {
        for (const name of wanted) this.#taken.set(name, this.#inUse(name) - 1);
        this.#admit();
      },
    };
  }

  #admit(): void {
    // What somebody further ahead waits for is not given to those behind, or it could wait for ever.
    const promised = new Set<string>();
    for (const waiting of this.#queue) {
      const full = (name: string) => promised.has(name) || this.#inUse(name) >= (this.#limits[name] ?? 1);
      if (waiting.names.some(full)) {
        for (const name of waiting.names) promised.add(name);
        continue;
      }
      for (const name of waiting.names) this.#taken.set(name, this.#inUse(name) + 1);
      this.#queue = this.#queue.filter((one) => one !== waiting);
      waiting.admit();
    }
  }

  #inUse(name: string): number {
    return this.#taken.get(name) ?? 0;
  }
}
