import { SecpiError, type SourceLocation } from '../base/errors.js';

/** One mistake in a recipe, as data. Printing it is `formatDiagnostic`. */
export interface Diagnostic {
  readonly message: string;
  /** `undefined` when the mistake stands on the command line. */
  readonly location: SourceLocation | undefined;
  /** How many characters to underline. */
  readonly length: number;
  readonly hint?: string | undefined;
}

/** All mistakes of one recipe at once: nobody wants to fix them one run at a time. */
export class RecipeError extends SecpiError {
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[], sources: ReadonlyMap<string, string>) {
    const shown = diagnostics.slice(0, maximumShown).map((diagnostic) => formatDiagnostic(diagnostic, sources));
    const more = diagnostics.length - shown.length;
    if (more > 0) shown.push(`… and ${more} more`);
    super('recipe/invalid', shown.join('\n\n'), {
      exitCode: 2,
      location: diagnostics[0]?.location,
      hint: 'Nothing was run and nothing was written. `secpi validate` checks a recipe without running it.',
    });
    this.diagnostics = diagnostics;
  }
}

const maximumShown = 20;
const maximumLineLength = 160;

/** `file:line:column: message`, a code frame with the place underlined, and the hint. */
function formatDiagnostic(diagnostic: Diagnostic, sources: ReadonlyMap<string, string>): string {
  const { location, message, hint } = diagnostic;
  const lines: string[] = [];
  if (location === undefined) {
    lines.push(message);
  } else {
    lines.push(`${location.file}:${location.line}:${location.column}: ${message}`);
    lines.push(...codeFrame(sources.get(location.file), location, diagnostic.length));
  }
  if (hint !== undefined) lines.push(`  ${hint}`);
  return lines.join('\n');
}

function codeFrame(source: string | undefined, location: SourceLocation, length: number): string[] {
  const text = source?.split('\n')[location.line - 1]?.replace(/\r$/, '');
  if (text === undefined) return [];
  const number = String(location.line);
  const visible = text.slice(0, maximumLineLength);
  if (location.column > visible.length + 1) return [`  ${number} | ${visible}`];
  const underline = Math.max(1, Math.min(length, visible.length - location.column + 1));
  const indent = visible.slice(0, location.column - 1).replace(/[^\t]/g, ' ');
  return [`  ${number} | ${visible}`, `  ${' '.repeat(number.length)} | ${indent}${'^'.repeat(underline)}`];
}
