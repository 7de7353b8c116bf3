/** A fenced block of an answer. */
export interface FencedBlock {
  /** The first word behind the fence, in lower case: `python` of `Python title="x"`, `py:main.py` and `{.python}`; empty where there is none. */
  readonly tag: string;
  /** Its text, with one line break at the end. */
  readonly text: string;
}

/** An opening fence, also behind the marker of a list item; what stands before it is its indentation. */
const FENCE = /^([ \t]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]{1,4})*)(`{3,}|~{3,})(.*)$/;

/** How much further than its opening fence a closing one may be indented (CommonMark, 4.5); more is text of the block, as in a docstring. */
const CLOSING_INDENT = 3;

/**
 * The fenced blocks of a text (CommonMark: three or more backticks or tildes), in their order, without those that hold no text.
 * Unlike there, an opening fence may be indented at will: whose list it stands in is not worked out. One that is never closed
 * reaches to the end.
 */
export function fencedBlocks(text: string): FencedBlock[] {
  const blocks: FencedBlock[] = [];
  let open: { fence: string; indent: number; tag: string; lines: string[] } | undefined;
  const close = () => {
    if (open !== undefined)
      blocks.push({ tag: open.tag, text: `${open.lines.join('\n').replace(/(?<!\n)\n+$/, '')}\n` });
    open = undefined;
  };
  for (const line of text.split(/\r\n|\n|\r/)) {
    const [, before = '', fence = '', info = ''] = FENCE.exec(line) ?? [];
    if (open === undefined) {
      // Backticks in the info string make it inline code: ```like this```.
      if (fence === '' || (fence.startsWith('`') && info.includes('`'))) continue;
      open = { fence, indent: columns(before), tag: tagIn(info), lines: [] };
    } else if (
      fence.startsWith(open.fence) &&
      info.trim() === '' &&
      before.trim() === '' &&
      columns(before) <= open.indent + CLOSING_INDENT
    ) {
      close();
    } else {
      open.lines.push(unindented(line, open.indent));
    }
  }
  close();
  return blocks.filter((block) => block.text.trim() !== '');
}

function tagIn(info: string): string {
  return (
    info
      .trim()
      .replace(/^\{?\s*\.?/, '')
      .split(/[\s:,;{}]/)[0] ?? ''
  ).toLowerCase();
}

/** How far a text reaches; a tab goes on to the next multiple of four. */
function columns(text: string): number {
  let column = 0;
  for (const character of text) column = after(character, column);
  return column;
}

/** A fence inside a list is indented, and so is its code: takes off as much as the fence had. */
function unindented(line: string, indent: number): string {
  let at = 0;
  for (let column = 0; column < indent && (line[at] === ' ' || line[at] === '\t'); at += 1)
    column = after(line[at] ?? '', column);
  return line.slice(at);
}

function after(character: string, column: number): number {
  return character === '\t' ? column + 4 - (column % 4) : column + 1;
}
