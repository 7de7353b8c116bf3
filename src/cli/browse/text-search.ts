import { rowIn } from './row-facets.js';

/** Finds a text in rows, whatever the case of its letters. */
export class TextSearch {
  readonly #needle: string;
  /** As it stands in JSON. */
  readonly #written: string;

  constructor(text: string) {
    this.#needle = text.toLowerCase();
    this.#written = JSON.stringify(this.#needle).slice(1, -1);
  }

  /** Whether one of the row's texts holds it; names of fields do not count. The row is parsed only when its bytes promise a find. */
  isIn(line: string): boolean {
    if (this.#needle === '') return true;
    if (!line.toLowerCase().includes(this.#written)) return false;
    const row = rowIn(line);
    return row === undefined || this.#isInValue(row);
  }

  /** Where it stands in a text, without overlap. */
  *placesIn(text: string): Generator<{ readonly start: number; readonly end: number }> {
    if (this.#needle === '') return;
    const lower = text.toLowerCase();
    // Some letters have another length in lower case: their places would be those of other letters.
    if (lower.length !== text.length) return;
    for (let at = lower.indexOf(this.#needle); at !== -1; at = lower.indexOf(this.#needle, at + this.#needle.length)) {
      yield { start: at, end: at + this.#needle.length };
    }
  }

  #isInValue(value: unknown): boolean {
    if (typeof value === 'string') return value.toLowerCase().includes(this.#needle);
    if (typeof value === 'number') return String(value).includes(this.#needle);
    if (typeof value !== 'object' || value === null) return false;
    return Object.values(value).some((inner) => this.#isInValue(inner));
  }
}
