import { messageOf } from '../../base/errors.js';
import { wellFormed } from '../../base/well-formed.js';

/** One row of a dataset file, or why it could not be read. `row` counts from 1; in JSONL it is also the line. */
export type FileRow =
  | { readonly row: number; readonly value: Readonly<Record<string, unknown>> }
  | { readonly row: number; readonly problem: string };

/** Which part of a file is wanted. */
export interface RowsWanted {
  /** Only so many rows from the beginning; no more of the file is read than they need. */
  readonly limit?: number | undefined;
  /** Only these columns; what a format cannot leave out is there too. */
  readonly columns?: readonly string[] | undefined;
}

/** A row of what a parser gives, or the parser's complaint. */
export function asRow(row: number, parse: () => unknown): FileRow {
  let value: unknown;
  try {
    value = parse();
  } catch (error) {
    return { row, problem: `is not JSON (${messageOf(error)})` };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { row, problem: 'is not an object' };
  try {
    return { row, value: wellFormed(value as Record<string, unknown>) };
  } catch (error) {
    return { row, problem: messageOf(error) };
  }
}
