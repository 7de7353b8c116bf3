import { doubled } from '../../base/doubled.js';
import { openTextFile, type TextFile } from '../../base/files/packed/text-file.js';
import { linesOf } from '../../base/files/read-lines.js';
import { facetsOf, type RowFacets, rowIn, UNREADABLE } from './row-facets.js';

/** Rows are read a block at a time. */
const BLOCK_BYTES = 1 << 20;
/** A longer row is cut: nobody reads it to its end in a browser. */
const LONGEST_ROW = 64 << 20;
/** More combinations of facets than that belong together; what is left over is told apart by reading it. */
const MOST_COMBINATIONS = 1 << 16;

/** What a row has to have to be shown. */
export type RowFilter = (facets: RowFacets) => boolean;

export interface SearchOptions {
  /** The first row that is looked at. */
  readonly from: number;
  readonly direction: 1 | -1;
  readonly filter: RowFilter;
  readonly signal: AbortSignal;
}

/**
 * Where the rows of a JSON Lines file (packed or not) begin, and what they are chosen by; built once, in one pass, while rows that it has passed can be
 * read already. Twelve bytes a row stay in memory, and the combinations of facets that occur; never a row.
 */
export class RowIndex implements AsyncDisposable {
  /** Size of the file when it was opened. */
  readonly bytes: number;
  readonly #file: TextFile;
  readonly #stop = new AbortController();
  /** Where each row ends, its line feed included. */
  #ends = new Float64Array(1024);
  /** Which combination each row is of. */
  #combined = new Uint32Array(1024);
  readonly #combinations: { readonly facets: RowFacets; rows: number }[] = [];
  readonly #known = new Map<string, number>();
  #rows = 0;
  #complete = false;
  #problem: unknown;
  #waiting: (() => void)[] = [];
  #building: Promise<void> = Promise.resolve();

  private constructor(file: TextFile) {
    this.#file = file;
    this.bytes = file.bytes;
  }

  /** Begins to read the file. */
  static async open(path: string): Promise<RowIndex> {
    const index = new RowIndex(await openTextFile(path));
    index.#building = index.#build(path);
    return index;
  }

  /** Rows that were passed so far. */
  get rows(): number {
    return this.#rows;
  }

  get isComplete(): boolean {
    return this.#complete;
  }

  /** The combinations of facets met so far, and how many rows are of each. */
  get combinations(): readonly { readonly facets: RowFacets; readonly rows: number }[] {
    return this.#combinations;
  }

  /** Resolves when the whole file was read. Throws what became of it. */
  async whenComplete(): Promise<void> {
    while (await this.#has(this.#rows));
  }

  /**
   * The text of rows that pass the filter, in order. Waits for rows that the index has not come to yet; only what passes is read.
   * Throws `signal.reason`.
   */
  async *search({ from, direction, filter, signal }: SearchOptions): AsyncGenerator<{ row: number; line: string }> {
    const passes = new Map<number, boolean>();
    const block = new Block(this.#file, direction);
    for (let row = from; row >= 0 && (await this.#has(row)); row += direction) {
      signal.throwIfAborted();
      const combination = this.#combined[row] ?? 0;
      let pass = passes.get(combination);
      if (pass === undefined) {
        const facets = this.#combinations[combination]?.facets;
        pass = facets === undefined || filter(facets);
        passes.set(combination, pass);
      }
      if (!pass) continue;
      const line = await block.read(row === 0 ? 0 : (this.#ends[row - 1] ?? 0), this.#ends[row] ?? 0);
      // One of the many that the index does not tell apart.
      if (combination === MOST_COMBINATIONS && !filter(facetsIn(line))) continue;
      yield { row, line };
    }
  }

  /** A row's text; `undefined` behind the last. */
  async read(row: number): Promise<string | undefined> {
    for await (const found of this.search({ from: row, direction: 1, filter: () => true, signal: this.#stop.signal })) {
      return found.line;
    }
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#building;
    await this.#file[Symbol.asyncDispose]();
  }

  async #build(path: string): Promise<void> {
    try {
      for await (const { text, end } of linesOf(this.#file.pieces(), path, { invalid: 'mark' })) {
        if (this.#stop.signal.aborted) break;
        this.#add(end, facetsIn(text));
      }
    } catch (error) {
      this.#problem = error;
    }
    this.#complete = true;
    this.#wake();
  }

  #add(end: number, facets: RowFacets): void {
    if (this.#rows === this.#ends.length) {
      this.#ends = doubled(this.#ends);
      this.#combined = doubled(this.#combined);
    }
    this.#ends[this.#rows] = end;
    this.#combined[this.#rows] = this.#combinationOf(facets);
    this.#rows += 1;
    // Whoever waits for a row may wait for one of many: once in a while is enough.
    if (this.#waiting.length > 0 && this.#rows % 256 === 0) this.#wake();
  }

  #combinationOf(facets: RowFacets): number {
    const key = JSON.stringify([facets.reason, facets.language, facets.cwes]);
    const known = this.#known.get(key);
    const combination = known ?? Math.min(this.#combinations.length, MOST_COMBINATIONS);
    if (known === undefined && combination < MOST_COMBINATIONS) {
      this.#known.set(key, combination);
      this.#combinations.push({ facets, rows: 0 });
    }
    const counted = this.#combinations[combination];
    if (counted !== undefined) counted.rows += 1;
    return combination;
  }

  /** Whether there is such a row; waits until that is known. */
  async #has(row: number): Promise<boolean> {
    while (row >= this.#rows) {
      if (this.#problem !== undefined) throw this.#problem;
      if (this.#complete) return false;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return true;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}

function facetsIn(line: string): RowFacets {
  const row = rowIn(line);
  return row === undefined ? UNREADABLE : facetsOf(row);
}

/** Bytes of a file around where they were last asked for, ahead in the direction of reading. */
class Block {
  readonly #file: TextFile;
  readonly #direction: 1 | -1;
  #start = 0;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(file: TextFile, direction: 1 | -1) {
    this.#file = file;
    this.#direction = direction;
  }

  /** The text of a row, without its line feed. */
  async read(start: number, end: number): Promise<string> {
    const until = Math.min(end, start + LONGEST_ROW);
    if (start < this.#start || until > this.#start + this.#bytes.length) await this.#load(start, until);
    const text = this.#bytes.toString('utf8', start - this.#start, until - this.#start);
    return (start === 0 ? text.replace(/^\uFEFF/, '') : text).replace(/\n$/, '');
  }

  async #load(start: number, end: number): Promise<void> {
    const length = Math.max(BLOCK_BYTES, end - start);
    this.#start = this.#direction === 1 ? start : Math.max(0, end - length);
    this.#bytes = await this.#file.read(this.#start, this.#direction === 1 ? length : end - this.#start);
  }
}
