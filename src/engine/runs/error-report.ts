import { messageOf, SecpiError } from '../../base/errors.js';
import type { ErrorReport } from './event.js';

/** The hint of a bug in secpi itself. */
const BUG_HINT = 'This is a fault in secpi, not in your recipe. `secpi logs` has the details.';

/** What was thrown, as data. Anything that is not a `SecpiError` is a bug and gets the code `internal`. */
export function errorReport(error: unknown): ErrorReport {
  if (!(error instanceof SecpiError)) return { code: 'internal', message: messageOf(error), hint: BUG_HINT };
  return { code: error.code, message: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
}
