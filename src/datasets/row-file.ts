import { readFile, stat } from 'node:fs/promises';
import { messageOf, SecpiError } from '../base/errors.js';
import { readLines } from '../base/files/read-lines.js';
import { wellFormed } from '../base/well-formed.js';

/** One row of a dataset file, or why it could not be read. `row` counts from 1; in JSONL it is also the line. */
export type FileRow =
  | { readonly row: number; readonly value: Readonly<Record<string, unknown>> }
  | { readonly row: number; readonly problem: string };

/** A JSON file is read whole; beyond this it should be JSON Lines or Parquet. */
const largestJsonBytes = 512 * 1024 * 1024;
/** Every read of a part decodes its row group from the start, so the parts are whole row groups unless those are huge. */
const parquetRowsAtOnce = 20_000;

/** Formats by file ending. */
const readers: Readonly<Record<string, (path: string) => AsyncIterable<FileRow>>> = {
  json: jsonRows,
  jsonl: jsonLinesRows,
  ndjson: jsonLinesRows,
  parquet: parquetRows,
};

export const rowFileEndings: readonly string[] = Object.keys(readers);

/** Rows of a JSON (a list of objects), JSON Lines or Parquet file. JSON Lines and Parquet are read in constant memory. */
export function readRowFile(path: string): AsyncIterable<FileRow> {
  const ending = /\.([a-z]+)$/i.exec(path)?.[1]?.toLowerCase() ?? '';
  const reader = readers[ending];
  if (reader !== undefined) return reader(path);
  throw new SecpiError('datasets/unknown-format', `${path} is in no format that secpi reads`, {
    hint: `The file's ending tells the format; known are ${rowFileEndings.join(', ')}.`,
    exitCode: 2,
  });
}

async function* jsonLinesRows(path: string): AsyncIterable<FileRow> {
  for await (const { number, text, valid } of readLines(path, { invalid: 'mark' })) {
    if (text.trim() === '') continue;
    yield valid ? asRow(number, () => JSON.parse(text)) : { row: number, problem: 'is not valid UTF-8' };
  }
}

async function* jsonRows(path: string): AsyncIterable<FileRow> {
  const { size } = await stat(path);
  if (size > largestJsonBytes) {
    throw new SecpiError(
      'datasets/json-too-large',
      `${path} has ${size} bytes; a JSON file is read whole, up to ${largestJsonBytes}`,
      {
        hint: 'Convert it to JSON Lines (one object a line), which is read row by row.',
      },
    );
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse((await readFile(path, 'utf8')).replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new SecpiError('datasets/not-json', `${path} is not JSON: ${messageOf(error)}`, {
      hint: 'If it holds one object a line, call it .jsonl.',
    });
  }
  if (!Array.isArray(parsed)) throw new SecpiError('datasets/not-a-list', `${path} holds no list of rows`);
  for (const [index, value] of parsed.entries()) yield asRow(index + 1, () => value);
}

async function* parquetRows(path: string): AsyncIterable<FileRow> {
  // Here, because it takes longer to load than a run without work, and most runs read no Parquet.
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  try {
    const file = await asyncBufferFromFile(path);
    const metadata = await parquetMetadataAsync(file);
    let row = 0;
    for (const { num_rows } of metadata.row_groups) {
      const groupEnd = row + Number(num_rows);
      while (row < groupEnd) {
        const rowEnd = Math.min(groupEnd, row + parquetRowsAtOnce);
        const values = await parquetReadObjects({ file, metadata, compressors, rowStart: row, rowEnd });
        // A reader that gave fewer rows than it was asked for would lose the rest without a word.
        if (values.length !== rowEnd - row) throw new Error(`row ${row + values.length + 1} is missing`);
        for (const value of values) {
          row += 1;
          yield asRow(row, () => value);
        }
      }
    }
  } catch (error) {
    if (error instanceof SecpiError) throw error;
    throw new SecpiError('datasets/not-parquet', `${path} cannot be read as Parquet: ${messageOf(error)}`);
  }
}

function asRow(row: number, parse: () => unknown): FileRow {
  let value: unknown;
  try {
    value = parse();
  } catch (error) {
    return { row, problem: `is not JSON (${messageOf(error)})` };
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return { row, value: wellFormed(value as Record<string, unknown>) };
  return { row, problem: 'is not an object' };
}
