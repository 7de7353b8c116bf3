import type { StageServices } from './services.js';

/** A text that training data must not contain, and whose it is. */
export interface Reference {
  /** `suite/problem`, for messages. */
  readonly reference: string;
  readonly text: string;
}

/** Prompts, tests and reference solutions of the named suites. */
export async function suiteReferences(
  names: readonly string[],
  services: StageServices,
): Promise<readonly Reference[]> {
  const suites = await Promise.all(names.map((name) => services.suite(name)));
  return suites.flatMap((suite) =>
    suite.references.map(({ problem, text }) => ({ reference: `${suite.name}/${problem}`, text })),
  );
}
