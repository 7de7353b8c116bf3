import type { CurateParams } from './params.js';
import type { Sample } from './records.js';

type Limits = NonNullable<CurateParams['cap']>;

/**
 * Chooses the samples that stay below the caps. A few numbers are kept for each sample, never its text, so that memory hardly grows with them: they
 * are noted in one reading of the traces and asked for in a second, in the same order.
 */
export class Caps {
  readonly #limits: Limits;
  readonly #names = new Map<string, number>();
  readonly #cwesOf: (readonly number[])[] = [];
  readonly #places: number[] = [];
  readonly #languages: number[] = [];
  readonly #sources: number[] = [];
  readonly #cwes: number[] = [];
  readonly #combinations = new Map<string, number>();
  #taken: Uint8Array | undefined;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  note({ id, language, source, cwes }: Sample): void {
    // 48 bits of the content's hash: an order that has nothing to do with where a sample comes from.
    this.#places.push(Number.parseInt(id.slice('sample-'.length, 'sample-'.length + 12), 16));
    this.#languages.push(this.#numberOf(`language ${language}`));
    this.#sources.push(this.#numberOf(`source ${source}`));
    const key = cwes.join(' ');
    const known = this.#combinations.get(key) ?? this.#cwesOf.push(cwes.map((cwe) => this.#numberOf(`cwe ${cwe}`))) - 1;
    this.#combinations.set(key, known);
    this.#cwes.push(known);
  }

  /** Whether the sample that was noted as number `index` (from 0) stays, or which cap it would exceed. */
  overCap(index: number): string | undefined {
    this.#taken ??= this.#choose();
    const verdict = this.#taken[index] ?? 0;
    return verdict === 0 ? undefined : ['', 'per_cwe', 'per_language', 'per_source'][verdict];
  }

  #numberOf(name: string): number {
    const known = this.#names.get(name) ?? this.#names.size;
    this.#names.set(name, known);
    return known;
  }

  #choose(): Uint8Array {
    const verdicts = new Uint8Array(this.#places.length);
    const used = new Uint32Array(this.#names.size);
    const order = Uint32Array.from(this.#places.keys()).sort(
      (one, other) => (this.#places[one] ?? 0) - (this.#places[other] ?? 0) || one - other,
    );
    const { per_cwe = Infinity, per_language = Infinity, per_source = Infinity } = this.#limits;
    for (const index of order) {
      const cwes = this.#cwesOf[this.#cwes[index] ?? 0] ?? [];
      const language = this.#languages[index] ?? 0;
      const source = this.#sources[index] ?? 0;
      const full = (name: number, limit: number) => (used[name] ?? 0) >= limit;
      if (cwes.some((cwe) => full(cwe, per_cwe))) verdicts[index] = 1;
      else if (full(language, per_language)) verdicts[index] = 2;
      else if (full(source, per_source)) verdicts[index] = 3;
      else for (const name of [...cwes, language, source]) used[name] = (used[name] ?? 0) + 1;
    }
    return verdicts;
  }
}
