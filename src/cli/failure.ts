import { SecpiError } from '../base/errors.js';
import { errorReport } from '../engine/runs/error-report.js';
import { interruptedExitCode } from '../engine/runs/exit-code.js';
import { Interruption } from '../engine/runs/interruption.js';
import { RecipeError } from '../recipe/diagnostic.js';
import type { CliEnvironment } from './environment.js';
import { printable } from './views/printable.js';
import { styleFor } from './views/style.js';

/** Shows an error as a sentence with its code and hint (or as one JSON line) and gives the exit code. Never a stack trace. */
export function showFailure(error: unknown, environment: CliEnvironment, json: boolean): number {
  if (error instanceof Interruption) return interruptedExitCode(error.by);
  const { stdout, stderr, variables, redact } = environment;
  if (json) {
    stdout.write(`${redact(JSON.stringify({ type: 'error', ...errorReport(error), ...placesOf(error) }))}\n`);
  } else {
    const { code, message, hint } = errorReport(error);
    const style = styleFor(stderr, variables);
    // Several mistakes with their places read better below the word than behind it.
    const gap = message.includes('\n') ? '\n' : ' ';
    const lines = [`${style('red', 'error:')}${gap}${printable(message).trim()}`];
    if (hint !== undefined) lines.push(`${style('bold', 'hint:')} ${printable(hint)}`);
    lines.push(style('dim', `code: ${code}`));
    if (!(error instanceof SecpiError) && variables.SECPI_DEBUG !== undefined && error instanceof Error) {
      lines.push(printable(error.stack ?? ''));
    }
    stderr.write(`${redact(lines.join('\n'))}\n`);
  }
  return error instanceof SecpiError ? error.exitCode : 1;
}

/** For programs that show mistakes in their own way, such as editors. */
function placesOf(error: unknown) {
  if (!(error instanceof RecipeError)) {
    return error instanceof SecpiError && error.location !== undefined ? { location: error.location } : {};
  }
  const diagnostics = error.diagnostics.map(({ message, hint, location }) => ({ message, hint, ...location }));
  return { diagnostics };
}
