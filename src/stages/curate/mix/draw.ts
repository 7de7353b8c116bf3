/**
 * Draws so many of any number of rows: those with the smallest keys. Which ones they are does not depend on the order in which they come, and a larger
 * draw has all of a smaller one. Of twice as many the keys are in memory.
 */
export class Draw {
  readonly #size: number;
  /** By their keys. */
  readonly #numbers = new Map<string, number>();
  /** Keys beyond it are too large, whatever comes. */
  #last: string | undefined;

  constructor(size: number) {
    this.#size = size;
  }

  /** Whether a row with this key can be drawn: no more if so many have a smaller one (`late`), or another has the same (`taken`). */
  stateOf(key: string): 'open' | 'late' | 'taken' {
    if (this.#last !== undefined && key > this.#last) return 'late';
    return this.#numbers.has(key) ? 'taken' : 'open';
  }

  /** Draws a row, if no others have smaller keys in the end. */
  put(key: string, number: number): void {
    this.#numbers.set(key, number);
    if (this.#numbers.size >= 2 * this.#size) this.#cut();
  }

  /** The numbers of those that are drawn. */
  get drawn(): ReadonlySet<number> {
    this.#cut();
    return new Set(this.#numbers.values());
  }

  #cut(): void {
    if (this.#numbers.size < this.#size) return;
    const keys = [...this.#numbers.keys()].sort();
    for (const key of keys.slice(this.#size)) this.#numbers.delete(key);
    this.#last = keys[this.#size - 1];
  }
}
