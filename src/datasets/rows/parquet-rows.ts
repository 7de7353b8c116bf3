import type { AsyncBuffer } from 'hyparquet';
import { messageOf, SecpiError } from '../../base/errors.js';
import type { DataFile } from './data-file.js';
import { asRow, type FileRow, type RowsWanted } from './file-row.js';

const HINT = 'It is damaged, cut off, or not what its ending says. Fetch it again.';
/** A file of Parquet begins with its mark, and ends with a length and its mark. */
const leastBytes = 12;
/** Every read of a part decodes its row group from the start, so the parts are whole row groups unless those are huge. */
const rowsAtOnce = 20_000;

/** Rows of a Parquet file, row group by row group; of each, only the wanted columns are read and decoded. */
export async function* parquetRows(data: DataFile, { limit, columns }: RowsWanted): AsyncGenerator<FileRow> {
  if (data.bytes < leastBytes) {
    const what = data.bytes === 0 ? 'is empty' : `has only ${data.bytes} bytes`;
    throw new SecpiError('datasets/not-parquet', `${data.label} ${what}, which is no Parquet`, { hint: HINT });
  }
  // Here, because it takes longer to load than a run without work, and most runs read no Parquet.
  const { parquetMetadataAsync, parquetReadObjects, parquetSchema } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  const { file, failure } = bufferOf(data);
  try {
    const metadata = await parquetMetadataAsync(file);
    const there = parquetSchema(metadata).children.map(({ element }) => element.name);
    const wanted = columns && there.filter((name) => columns.includes(name));
    const chosen = wanted === undefined || wanted.length === 0 ? {} : { columns: wanted };
    const end = Math.min(limit ?? Number.POSITIVE_INFINITY, Number(metadata.num_rows));
    let row = 0;
    for (const { num_rows } of metadata.row_groups) {
      const groupEnd = Math.min(end, row + Number(num_rows));
      while (row < groupEnd) {
        const rowEnd = Math.min(groupEnd, row + rowsAtOnce);
        const part = { file, metadata, compressors, rowStart: row, rowEnd, ...chosen };
        // Where the file says what its pages hold, a few rows need not read the whole of a row group.
        const values = await parquetReadObjects({ ...part, useOffsetIndex: limit !== undefined });
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
    // What the bytes could not be read for is not the format's fault.
    const thrown = failure();
    if (thrown !== undefined) throw thrown;
    throw new SecpiError('datasets/not-parquet', `${data.label} cannot be read as Parquet: ${messageOf(error)}`, {
      hint: HINT,
    });
  }
}

/** What hyparquet reads from, and the last error of reading it. */
function bufferOf(data: DataFile): { readonly file: AsyncBuffer; readonly failure: () => unknown } {
  let failure: unknown;
  const file: AsyncBuffer = {
    byteLength: data.bytes,
    async slice(start, end = data.bytes) {
      // It asks for the last bytes by a negative number, and for more than there are.
      const from = Math.max(0, start < 0 ? data.bytes + start : start);
      const to = Math.min(data.bytes, end < 0 ? data.bytes + end : end);
      try {
        const bytes = await data.read(from, Math.max(from, to));
        // Not `slice`: of a Buffer it copies nothing, and a small one may lie anywhere in a pool that others share.
        return new Uint8Array(bytes).buffer;
      } catch (error) {
        failure = error;
        throw error;
      }
    },
  };
  return { file, failure: () => failure };
}
