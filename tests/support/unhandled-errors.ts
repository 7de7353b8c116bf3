import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

/**
 * Writes what failed a run though it failed no test, such as a rejection that nobody awaited or a worker that died: a JSON list of
 * strings, which Vitest's own JSON report leaves out.
 */
export class UnhandledErrors implements Reporter {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  onTestRunEnd(_: readonly TestModule[], errors: readonly SerializedError[]): void {
    writeFileSync(this.#file, JSON.stringify(errors.map(described)));
  }
}

/** The test is the one that ran when it happened, which need not be the one that caused it. */
function described({ stack, message, VITEST_TEST_PATH: file, VITEST_TEST_NAME: test }: SerializedError): string {
  const during = typeof file === 'string' ? `\n    while ${relative(process.cwd(), file)} ran` : '';
  return `${stack ?? message}${during}${typeof test === 'string' ? `: ${test}` : ''}`;
}
