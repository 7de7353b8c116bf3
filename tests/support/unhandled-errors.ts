import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { Reporter, SerializedError, TestModule, TestSpecification } from 'vitest/node';

/**
 * Writes what failed a run though it failed no test, such as a rejection that nobody awaited, or a file whose worker died before its end:
 * a JSON list of strings, which Vitest's own JSON report leaves out.
 */
export class UnhandledErrors implements Reporter {
  readonly #file: string;
  #wanted: readonly TestSpecification[] = [];

  constructor(file: string) {
    this.#file = file;
  }

  onTestRunStart(wanted: readonly TestSpecification[]): void {
    this.#wanted = wanted;
  }

  onTestRunEnd(_: readonly TestModule[], errors: readonly SerializedError[]): void {
    const unfinished = this.#wanted.filter(({ testModule }) => !hasEnded(testModule));
    const lost = unfinished.map(({ moduleId }) => `${relative(process.cwd(), moduleId)} did not come to its end`);
    writeFileSync(this.#file, JSON.stringify([...lost, ...errors.map(described)]));
  }
}

function hasEnded(module: TestModule | undefined): boolean {
  const state = module?.state();
  return state === 'passed' || state === 'failed' || state === 'skipped';
}

/** The test is the one that ran when it happened, which need not be the one that caused it. */
function described({ stack, message, VITEST_TEST_PATH: file, VITEST_TEST_NAME: test }: SerializedError): string {
  const during = typeof file === 'string' ? `\n    while ${relative(process.cwd(), file)} ran` : '';
  return `${stack ?? message}${during}${typeof test === 'string' ? `: ${test}` : ''}`;
}
