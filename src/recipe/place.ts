import { LineCounter } from 'yaml';
import type { SourceLocation } from '../base/errors.js';

/** A stretch of a text, in UTF-16 units from its beginning. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** Something wrong with a text, and where in it. */
export interface Trouble extends Stretch {
  readonly message: string;
  readonly hint?: string | undefined;
}

/** A stretch as a person looks for it. */
export interface Place {
  readonly location: SourceLocation;
  /** How many characters to underline. */
  readonly length: number;
}

/** Gives the place of stretches of a text; `file` is what messages call it. Lines end in `\n`, also behind `\r`. */
export function placesIn(file: string, text: string): (stretch: Stretch) => Place {
  const lines = new LineCounter();
  for (let start = 0; ; ) {
    lines.addNewLine(start);
    const end = text.indexOf('\n', start);
    if (end === -1) break;
    start = end + 1;
  }
  return ({ start, end }) => {
    const { line, col } = lines.linePos(Math.min(start, text.length));
    return { location: { file, line, column: col }, length: Math.max(1, end - start) };
  };
}
