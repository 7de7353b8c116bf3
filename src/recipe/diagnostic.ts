import { clip } from '../base/clip.js';
import { SecpiError, type SourceLocation } from '../base/errors.js';

/** One mistake in a recipe, as data. Printing it is `formatDiagnostic`. */
export interface Diagnostic extends Words {
  /** `undefined` when the mistake stands on the command line. */
  readonly location: SourceLocation | undefined;
  /** How many characters to underline. */
  readonly length: number;
}

interface Words {
  readonly message: string;
  readonly hint?: string | undefined;
}

/** A mistake that is put into words only if it is shown: a hostile recipe has a hundred thousand of them. */
export interface Mistake extends Omit<Diagnostic, keyof Words> {
  readonly words: () => Words;
}

/**
 * All mistakes of one recipe at once, in the order of their places (the recipe's own, those of what it extends, those of the
 * command line): nobody wants to fix them one run at a time.
 */
export class RecipeError extends SecpiError {
  /** The first of them, as many as anybody looks at. */
  readonly diagnostics: readonly Diagnostic[];

  /** `sources` are the texts by the names that locations use, the recipe first. */
  constructor(mistakes: readonly Mistake[], sources: ReadonlyMap<string, string>) {
    const diagnostics = inOrder(mistakes, [...sources.keys()])
      .slice(0, maximumKept)
      .map(worded);
    const lines = new Map([...sources].map(([file, text]) => [file, text.split('\n')]));
    const shown = diagnostics.slice(0, maximumShown).map((diagnostic) => formatDiagnostic(diagnostic, lines));
    const isHinted = diagnostics.slice(0, maximumShown).some(({ hint }) => hint !== undefined);
    const more = mistakes.length - shown.length;
    if (more > 0) shown.push(`… and ${more} more`);
    super('recipe/invalid', shown.join('\n\n'), {
      exitCode: 2,
      location: diagnostics[0]?.location,
      ...(isHinted ? {} : { hint: 'Every field is described in docs/recipe.md.' }),
    });
    this.diagnostics = diagnostics;
  }
}

const maximumKept = 200;
const maximumShown = 20;
const maximumLineLength = 160;
/** A message quotes what stands in the recipe, and that may be anything. */
const maximumWords = 1000;

function inOrder(mistakes: readonly Mistake[], files: readonly string[]): readonly Mistake[] {
  // What has no place stands on the command line.
  const rank = new Map(files.map((file, index) => [file, index]));
  const fileOf = ({ location }: Mistake) => (location === undefined ? files.length : (rank.get(location.file) ?? 0));
  return mistakes.toSorted(
    (a, b) =>
      fileOf(a) - fileOf(b) ||
      (a.location?.line ?? 0) - (b.location?.line ?? 0) ||
      (a.location?.column ?? 0) - (b.location?.column ?? 0),
  );
}

function worded({ words, ...place }: Mistake): Diagnostic {
  const { message, hint } = words();
  return { message: clip(message, maximumWords), ...place, hint: hint === undefined ? hint : clip(hint, maximumWords) };
}

/** `file:line:column: message`, a code frame with the place underlined, and the hint. */
function formatDiagnostic(diagnostic: Diagnostic, sources: ReadonlyMap<string, readonly string[]>): string {
  const { location, message, hint } = diagnostic;
  const lines: string[] = [];
  if (location === undefined) {
    lines.push(message);
  } else {
    lines.push(`${location.file}:${location.line}:${location.column}: ${message}`);
    lines.push(...codeFrame(sources.get(location.file)?.[location.line - 1], location, diagnostic.length));
  }
  if (hint !== undefined) lines.push(`  ${hint}`);
  return lines.join('\n');
}

function codeFrame(line: string | undefined, location: SourceLocation, length: number): string[] {
  if (line === undefined) return [];
  const text = line.replace(/\r$/, '');
  const number = String(location.line);
  const visible = text.slice(0, maximumLineLength);
  if (location.column > visible.length + 1) return [`  ${number} | ${visible}`];
  const underline = Math.max(1, Math.min(length, visible.length - location.column + 1));
  const indent = visible.slice(0, location.column - 1).replace(/[^\t]/g, ' ');
  return [`  ${number} | ${visible}`, `  ${' '.repeat(number.length)} | ${indent}${'^'.repeat(underline)}`];
}
