import { messageOf, SecpiError } from '../../base/errors.js';
import { linesOf } from '../../base/files/read-lines.js';
import type { DataFile } from './data-file.js';
import type { DataFormat } from './data-format.js';
import { asRow, type FileRow } from './file-row.js';
import { beginsList, looksLike } from './looks-like.js';
import { unpacked } from './unpack.js';

const LINES_HINT = 'If it holds one object a line, call it .jsonl.';
/** A JSON file is read whole; beyond this it should be JSON Lines or Parquet. */
const largestJsonBytes = 512 * 1024 * 1024;

/** Rows of a JSON Lines file, in constant memory. */
export async function* jsonLinesRows(file: DataFile, packing: DataFormat['packing']): AsyncGenerator<FileRow> {
  let isFirst = true;
  for await (const { number, text, valid } of linesOf(unpacked(file, packing), file.label, { invalid: 'mark' })) {
    if (text.trim() === '') continue;
    const row = valid ? asRow(number, () => JSON.parse(text)) : { row: number, problem: 'is not valid UTF-8' };
    yield isFirst && 'problem' in row ? { row: number, problem: firstProblem(row.problem, text) } : row;
    isFirst = false;
  }
}

/** Where the very first row is none, the file may be something else than its ending says. */
function firstProblem(problem: string, text: string): string {
  const list = beginsList(text) ? 'the file looks like one JSON list: let its name end in .json' : undefined;
  const sign = looksLike(text) ?? list;
  return sign === undefined ? problem : `${problem}; ${sign}`;
}

/** Rows of a JSON file: a list of objects. */
export async function* jsonRows(file: DataFile, packing: DataFormat['packing']): AsyncGenerator<FileRow> {
  const text = await wholeText(file, packing);
  if (text.trim() === '') {
    throw new SecpiError('datasets/not-json', `${file.label} is empty`, {
      hint: 'A JSON file holds one list of objects; that of a list without any is `[]`.',
    });
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    const sign = looksLike(text.replace(/^\uFEFF/, ''));
    throw new SecpiError('datasets/not-json', `${file.label} is not JSON: ${messageOf(error)}`, {
      hint: sign === undefined ? LINES_HINT : `T${sign.slice(1)}.`,
    });
  }
  if (!Array.isArray(parsed))
    throw new SecpiError('datasets/not-a-list', `${file.label} holds no list of rows`, { hint: LINES_HINT });
  for (const [index, value] of parsed.entries()) yield asRow(index + 1, () => value);
}

async function wholeText(file: DataFile, packing: DataFormat['packing']): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = file.bytes;
  const check = (): void => {
    if (bytes <= largestJsonBytes) return;
    throw new SecpiError(
      'datasets/json-too-large',
      `${file.label} has more than ${largestJsonBytes} bytes; a JSON file is read whole, up to that`,
      { hint: 'Convert it to JSON Lines (one object a line), which is read row by row.' },
    );
  };
  check();
  bytes = 0;
  for await (const piece of unpacked(file, packing)) {
    bytes += piece.length;
    check();
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}
