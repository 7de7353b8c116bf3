/** Which block counts when an answer holds several: the last is the final word, the first is what CWEval upstream takes. */
export type ExtractMode = 'last' | 'first';

const tagsOf: Readonly<Record<string, readonly string[]>> = {
  python: ['python', 'py', 'python3', 'py3'],
  javascript: ['javascript', 'js', 'mjs', 'node', 'nodejs', 'es6'],
  c: ['c', 'h', 'c11', 'c17', 'c99'],
  cpp: ['cpp', 'c++', 'cc', 'cxx', 'hpp', 'cplusplus'],
  go: ['go', 'golang'],
};

interface Block {
  readonly tag: string;
  readonly code: string;
}

/**
 * The code of an answer: a fenced block (CommonMark, three or more backticks or tildes). Blocks tagged with the language
 * win over untagged ones, and those over blocks of another tag; among equals `mode` decides. A fence that is never closed
 * reaches to the end. Reasoning that was left in the answer is dropped first. `null` when there is no block with text in it.
 */
export function extractCode(answer: string, language: string, mode: ExtractMode = 'last'): string | null {
  const blocks = fencedBlocks(withoutReasoning(answer)).filter((block) => block.code.trim() !== '');
  const groups = [
    blocks.filter((block) => (tagsOf[language] ?? [language]).includes(block.tag)),
    blocks.filter((block) => block.tag === ''),
    blocks,
  ];
  const group = groups.find((candidates) => candidates.length > 0) ?? [];
  return (mode === 'last' ? group.at(-1) : group[0])?.code ?? null;
}

/**
 * The text after the reasoning. A `</think>` may lack its opening tag (QwQ's template writes that one into the prompt);
 * one in quotes is code that talks about the tag (a backtick before it may be the end of a block). Reasoning that never ends leaves nothing.
 */
function withoutReasoning(answer: string): string {
  let start = 0;
  for (const match of answer.matchAll(/<\/think>/g)) {
    const before = answer[match.index - 1] ?? '';
    const after = answer[match.index + match[0].length] ?? '';
    if (!/["']/.test(before) && !/["'`\\]/.test(after)) start = match.index + match[0].length;
  }
  const rest = answer.slice(start);
  return /^\s*<think>/.test(rest) ? '' : rest;
}

function fencedBlocks(text: string): Block[] {
  const blocks: Block[] = [];
  let open: { fence: string; indent: number; tag: string; lines: string[] } | undefined;
  for (const line of text.split(/\r\n|\n|\r/)) {
    const match = /^([ \t]*)(`{3,}|~{3,})(.*)$/.exec(line);
    if (open === undefined) {
      const [, indent = '', fence = '', info = ''] = match ?? [];
      // Backticks in the info string make it inline code: ```like this```.
      if (match === null || (fence.startsWith('`') && info.includes('`'))) continue;
      open = { fence, indent: indent.length, tag: tagIn(info), lines: [] };
    } else if (match?.[2]?.startsWith(open.fence) && match[3]?.trim() === '') {
      blocks.push({ tag: open.tag, code: codeOf(open.lines) });
      open = undefined;
    } else {
      open.lines.push(unindented(line, open.indent));
    }
  }
  if (open !== undefined) blocks.push({ tag: open.tag, code: codeOf(open.lines) });
  return blocks;
}

/** The first word of an info string: `Python title="x"`, `py:main.py`, `{.python}`. */
function tagIn(info: string): string {
  return (
    info
      .trim()
      .replace(/^\{?\s*\.?/, '')
      .split(/[\s:,;{}]/)[0] ?? ''
  ).toLowerCase();
}

/** A fence inside a list is indented, and so is its code: takes off as much as the fence had. */
function unindented(line: string, indent: number): string {
  let count = 0;
  while (count < indent && (line[count] === ' ' || line[count] === '\t')) count += 1;
  return line.slice(count);
}

function codeOf(lines: readonly string[]): string {
  return `${lines.join('\n').replace(/\n+$/, '')}\n`;
}
