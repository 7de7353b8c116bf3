import { SecpiError, type SourceLocation } from '../../../base/errors.js';
import type { Problem } from '../../../suites/suite.js';
import type { Answered } from '../sample-row.js';

/** Where a sample stands, for what may be wrong with it. */
export type Placed = Answered & { readonly at: SourceLocation };

/** What samples are called that do not say it. */
export const UNNAMED = 'samples';

/** Finds the problem that a sample names: the first of these names that there is. */
export type ProblemNamed = (names: readonly [string, ...string[]], at: SourceLocation) => Problem;

/** An error that says where. */
export function wrong(code: string, at: SourceLocation, message: string, hint?: string): SecpiError {
  return new SecpiError(code, `${spoken(at)}: ${message}`, { location: at, hint, exitCode: 2 });
}

/** A place as editors read it. */
export function spoken({ file, line, column }: SourceLocation): string {
  return `${file}:${line}:${column}`;
}
