import PQueue from 'p-queue';

/** Where submissions are judged: some at once, or one with nothing beside it. */
export class Lanes {
  readonly #shared: PQueue;
  readonly #alone = new PQueue({ concurrency: 1 });

  constructor(width: number) {
    this.#shared = new PQueue({ concurrency: width });
  }

  /** Beside others, as soon as there is a place. */
  async shared<T>(work: () => Promise<T>): Promise<T> {
    return this.#shared.add(work);
  }

  /** With nothing else running: those that run are waited for, those that wait go on afterwards. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#alone.add(async () => {
      this.#shared.pause();
      try {
        await this.#shared.onPendingZero();
        return await work();
      } finally {
        if (this.#alone.size === 0) this.#shared.start();
      }
    });
  }
}
