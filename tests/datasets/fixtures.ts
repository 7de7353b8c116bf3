import type { FileRow } from '../../src/datasets/row-file.js';
import { readRowFile } from '../../src/datasets/row-file.js';

/** All rows of a file. */
export async function allRows(path: string): Promise<FileRow[]> {
  const rows: FileRow[] = [];
  for await (const row of readRowFile(path)) rows.push(row);
  return rows;
}
