import { SecpiError } from '../base/errors.js';
import { errorReport } from '../engine/error-report.js';
import { Interruption } from '../engine/interruption.js';
import type { CliEnvironment } from './environment.js';

/** Shows an error as a sentence with its code and hint (or as one JSON line) and gives the exit code. Never a stack trace. */
export function showFailure(error: unknown, environment: CliEnvironment, json: boolean): number {
  if (error instanceof Interruption) return error.signal === 'SIGTERM' ? 143 : 130;
  const { code, message, hint } = errorReport(error);
  if (json) {
    environment.stdout.write(
      `${environment.redact(JSON.stringify({ type: 'error', code, message, ...(hint === undefined ? {} : { hint }) }))}\n`,
    );
  } else {
    environment.stderr.write(
      environment.redact(`error: ${message}\n${hint === undefined ? '' : `hint: ${hint}\n`}code: ${code}\n`),
    );
    if (!(error instanceof SecpiError) && environment.variables.SECPI_DEBUG !== undefined && error instanceof Error) {
      environment.stderr.write(environment.redact(`${error.stack}\n`));
    }
  }
  return error instanceof SecpiError ? error.exitCode : 1;
}
