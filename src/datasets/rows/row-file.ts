import { SecpiError } from '../../base/errors.js';
import type { DataFile } from './data-file.js';
import { formatOf, KNOWN_ENDINGS } from './data-format.js';
import type { FileRow, RowsWanted } from './file-row.js';
import { jsonLinesRows, jsonRows } from './json-rows.js';
import { parquetRows } from './parquet-rows.js';

/** Rows of a JSON (a list of objects), JSON Lines or Parquet file. JSON Lines and Parquet are read in constant memory. */
export function readRows(file: DataFile, wanted: RowsWanted = {}): AsyncIterable<FileRow> {
  const rows = rowsOf(file, wanted);
  return wanted.limit === undefined ? rows : first(wanted.limit, rows);
}

async function* first(limit: number, rows: AsyncIterable<FileRow>): AsyncGenerator<FileRow> {
  if (limit <= 0) return;
  let read = 0;
  for await (const row of rows) {
    yield row;
    read += 1;
    if (read >= limit) return;
  }
}

function rowsOf(file: DataFile, wanted: RowsWanted): AsyncIterable<FileRow> {
  const known = formatOf(file.name);
  switch (known?.format) {
    case 'parquet':
      return parquetRows(file, wanted);
    case 'jsonl':
    case 'ndjson':
      return jsonLinesRows(file, known.packing);
    case 'json':
      return jsonRows(file, known.packing);
    default:
      throw new SecpiError('datasets/unknown-format', `${file.label} is in no format that secpi reads`, {
        hint: `The file's ending tells the format; known are ${KNOWN_ENDINGS}.`,
        exitCode: 2,
      });
  }
}
