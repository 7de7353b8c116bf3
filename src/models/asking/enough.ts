/** The first rows are taken for wanted ones before anything is known, so that no more are asked about than surely needed. */
const BENEFIT = 8;

/**
 * How far to ask ahead when a given number of rows is wanted that only their answers tell: as many more as it will take by the share so far,
 * so that neither the last one is waited for row by row nor hundreds are asked about for nothing.
 */
export class Enough {
  readonly #wanted: number;
  #settled = 0;
  #found = 0;

  constructor(wanted: number) {
    this.#wanted = wanted;
  }

  /** A row's answer is there, in whatever order. */
  settled(isWanted: boolean): void {
    this.#settled += 1;
    if (isWanted) this.#found += 1;
  }

  /** Rows that may be in work at once. */
  get room(): number {
    const missing = Math.max(0, this.#wanted - this.#found);
    const share = (this.#found + BENEFIT) / (this.#settled + BENEFIT);
    return Math.ceil(missing / share);
  }
}
