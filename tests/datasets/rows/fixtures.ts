import { type DataFile, localFile } from '../../../src/datasets/rows/data-file.js';
import type { FileRow, RowsWanted } from '../../../src/datasets/rows/file-row.js';
import { readRows } from '../../../src/datasets/rows/row-file.js';

/** All rows of a file here. */
export async function allRows(path: string, wanted: RowsWanted = {}): Promise<FileRow[]> {
  return rowsOf(await localFile(path), wanted);
}

export async function rowsOf(file: DataFile, wanted: RowsWanted = {}): Promise<FileRow[]> {
  const rows: FileRow[] = [];
  for await (const row of readRows(file, wanted)) rows.push(row);
  return rows;
}

/** A file that lies elsewhere, and how many bytes were asked of it. */
export function countedFile(name: string, content: Uint8Array): DataFile & { readonly asked: () => number } {
  let asked = 0;
  return {
    name,
    label: `org/tasks/${name}`,
    bytes: content.length,
    async read(start, end) {
      if (start < 0 || end > content.length || start > end) throw new Error(`no such range: ${start} to ${end}`);
      asked += end - start;
      // A small one lies in Node's pool, as what comes over a network does.
      return Buffer.from(content.subarray(start, end));
    },
    asked: () => asked,
  };
}
