/** The beginning of a file that is not what its ending says, read as UTF-8, and what to do about it. Bytes that are none stand there as U+FFFD. */
const SIGNS: readonly (readonly [RegExp, string])[] = [
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is how such files begin
  [/^\u001f\ufffd/, 'the file is packed by gzip: let its name end in .gz'],
  [/^\(\ufffd\/\ufffd/, 'the file is packed by Zstandard: let its name end in .zst'],
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is how such files begin
  [/^PK\u0003\u0004/, 'the file is a ZIP archive: unpack it'],
  [/^PAR1/, 'the file is Parquet: let its name end in .parquet'],
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is how such files begin
  [/^\ufffd{0,2}[^\u0000]?\u0000/, 'the file is no UTF-8 but UTF-16: convert it'],
  [/^version https:\/\/git-lfs/, 'the file is a pointer of Git LFS: fetch what it stands for (`git lfs pull`)'],
  [/^\s*<(?:!doctype|html)\b/i, 'the file is a web page: look at what it says'],
];

/** What a file seems to be that could not be read, by its first line; `undefined` when nothing tells. */
export function looksLike(beginning: string): string | undefined {
  return SIGNS.find(([pattern]) => pattern.test(beginning))?.[1];
}

/** Whether the first line of a file begins a JSON list of objects, in one line or in many. */
export function beginsList(line: string): boolean {
  return /^\s*\[\s*(?:\{|$)/.test(line);
}
