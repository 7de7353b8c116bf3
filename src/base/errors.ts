/**
 * The one error type a person ever sees. Everything that is expected to go wrong (bad recipe, missing file, no sandbox,
 * a server that refuses) is a `SecpiError`; any other exception is a bug and is reported as one.
 */

/** Where in a text file the mistake stands. Lines and columns count from 1. */
export interface SourceLocation {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface SecpiErrorOptions {
  /** What to do next, as a sentence a person can act on. */
  readonly hint?: string | undefined;
  readonly location?: SourceLocation | undefined;
  readonly cause?: unknown;
  /** Process exit code that fits: 1 a stage failed, 2 bad usage or recipe, 3 a gate said no. Default 1. */
  readonly exitCode?: 1 | 2 | 3;
}

/** An expected failure: a stable `code` (kebab-case, `<room>/<what>`), one clear sentence, and a hint. */
export class SecpiError extends Error {
  override readonly name = 'SecpiError';
  readonly code: string;
  readonly hint: string | undefined;
  readonly location: SourceLocation | undefined;
  readonly exitCode: 1 | 2 | 3;

  constructor(code: string, message: string, options: SecpiErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.location = options.location;
    this.exitCode = options.exitCode ?? 1;
  }
}

/** The message of anything that was thrown, without a stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
