import { messageOf } from '../../base/errors.js';
import { expectedError } from '../../base/files/system-error.js';
import type { ErrorReport } from './event.js';

/** The hint of a bug in secpi itself. */
const BUG_HINT = 'This is a fault in secpi, not in your recipe. `secpi logs` has the details.';

/** What was thrown, as data. What nobody expected is a bug and gets the code `internal`. */
export function errorReport(error: unknown): ErrorReport {
  const expected = expectedError(error);
  if (expected === undefined) return { code: 'internal', message: messageOf(error), hint: BUG_HINT };
  const { code, message, hint } = expected;
  return { code, message, ...(hint === undefined ? {} : { hint }) };
}
