import type { Verdicts } from './filters/judge-trace.js';
import type { Ablation, Funnel, FunnelStep, ObjectorName } from './records.js';

/** Counts what is left after each step, in all, per language and per weakness, and what each filter has to do with it. */
export class FunnelCount {
  readonly #total = emptyStep();
  readonly #byLanguage = new Map<string, FunnelStep>();
  readonly #byCwe = new Map<string, FunnelStep>();
  readonly #filters: ReadonlyMap<ObjectorName, Ablation>;
  readonly #on: ReadonlySet<ObjectorName>;

  /** `there`: what looks at the traces; one that is off is still there. */
  constructor(there: readonly ObjectorName[], on: ReadonlySet<ObjectorName>) {
    this.#on = on;
    this.#filters = new Map(
      there.map((filter) => [filter, { filter, on: on.has(filter), objects: 0, alone: 0, unverified: 0 }]),
    );
  }

  add(
    step: keyof FunnelStep,
    { language, cwes = [] }: { readonly language: string; readonly cwes?: readonly string[] },
  ): void {
    const rows = [this.#total, rowOf(this.#byLanguage, language), ...cwes.map((cwe) => rowOf(this.#byCwe, cwe))];
    for (const row of rows) row[step] += 1;
  }

  /** What the filters said of one trace. */
  judged(verdicts: Verdicts): void {
    const objecting = [...verdicts].flatMap(([name, verdict]) => (typeof verdict === 'object' ? [name] : []));
    const decisive = objecting.filter((name) => this.#on.has(name));
    for (const [name, verdict] of verdicts) {
      const one = this.#filters.get(name);
      if (one === undefined) continue;
      if (verdict === 'unverified') one.unverified += 1;
      if (typeof verdict !== 'object') continue;
      one.objects += 1;
      if (decisive.length === 1 && decisive[0] === name) one.alone += 1;
    }
  }

  get funnel(): Funnel {
    return {
      schema: 2,
      total: this.#total,
      by_language: sorted(this.#byLanguage),
      by_cwe: sorted(this.#byCwe),
      filters: [...this.#filters.values()],
    };
  }
}

function emptyStep(): FunnelStep {
  return { tasks: 0, relevant: 0, traces: 0, samples: 0 };
}

function rowOf(rows: Map<string, FunnelStep>, key: string): FunnelStep {
  const row = rows.get(key) ?? emptyStep();
  rows.set(key, row);
  return row;
}

/** Keys in natural order, so that CWE-22 stands before CWE-117. */
function sorted(rows: ReadonlyMap<string, FunnelStep>): Record<string, FunnelStep> {
  return Object.fromEntries([...rows].sort(([left], [right]) => left.localeCompare(right, 'en', { numeric: true })));
}
