import { ContaminationIndex } from '../datasets/contamination.js';
import type { ContaminationHit } from '../datasets/reference-text.js';
import type { Sample } from './curate/records.js';
import type { StageServices } from './services.js';

/**
 * Finds prompts, tests and reference solutions of suites in training data. Each suite is looked at by itself: a problem that two of them have would
 * pass for boilerplate if they were one.
 */
export class SuiteTexts {
  readonly #indexes: ReadonlyMap<string, ContaminationIndex>;

  private constructor(indexes: ReadonlyMap<string, ContaminationIndex>) {
    this.#indexes = indexes;
  }

  /** @throws SecpiError for a suite that nobody knows, or that is not set up. */
  static async open(names: readonly string[], services: StageServices): Promise<SuiteTexts> {
    const suites = await Promise.all([...new Set(names)].map((name) => services.suite(name)));
    const indexes = suites.map(({ name, references }) => {
      const texts = references.map(({ problem, text }) => ({ reference: `${name}/${problem}`, text }));
      return [name, new ContaminationIndex(texts)] as const;
    });
    return new SuiteTexts(new Map(indexes));
  }

  /** What a task has of any of the suites. */
  inTask(prompt: string): ContaminationHit | undefined {
    for (const index of this.#indexes.values()) {
      const hit = index.find(prompt);
      if (hit !== undefined) return hit;
    }
    return undefined;
  }

  /** What task, reasoning or answer of a sample have, for each suite of which they have anything. */
  *inSample({
    prompt,
    completion,
  }: Pick<Sample, 'prompt' | 'completion'>): Iterable<readonly [string, ContaminationHit]> {
    for (const [suite, index] of this.#indexes) {
      const hit = index.find(prompt) ?? index.findCopy(completion);
      if (hit !== undefined) yield [suite, hit];
    }
  }
}
