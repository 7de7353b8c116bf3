/** Which fenced block counts: upstream takes the first, the fork by an author of the paper takes the last. */
export type WhichBlock = 'first' | 'last';

/**
 * The code of an answer by CWEval's own rule: a block goes from a line that begins with three backticks to the next such line, or to the end;
 * tags and indented fences mean nothing. Without a block, and when the block is empty, the whole answer is taken for code. `null` for an answer
 * without any text.
 */
export function codeIn(answer: string, which: WhichBlock): string | null {
  if (answer.trim() === '') return null;
  // The harness stores answers in files, and reads them with line ends of one kind.
  const text = answer.replace(/\r\n?/g, '\n');
  const blocks: string[] = [];
  let open: string[] | null = null;
  for (const line of pythonLines(text)) {
    if (!line.startsWith('```')) open?.push(line);
    else if (open === null) open = [];
    else {
      blocks.push(open.join('\n'));
      open = null;
    }
  }
  if (open !== null) blocks.push(open.join('\n'));
  const block = which === 'first' ? blocks[0] : blocks.at(-1);
  return block === undefined || block === '' ? text : block;
}

/** Beside the usual ones: file, group and record separators. */
const LINE_END = new RegExp(`\\r\\n|[\\n\\r\\v\\f\\x85\\u2028\\u2029${String.fromCharCode(28, 29, 30)}]`);

/** The lines of a text as Python's `str.splitlines` sees them. */
export function pythonLines(text: string): string[] {
  const lines = text.split(LINE_END);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}
