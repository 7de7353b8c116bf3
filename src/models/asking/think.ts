const OPEN = '<think>';
const CLOSE = '</think>';

/** What a model thought and what it said. */
export interface ThinkSplit {
  readonly reasoning: string | null;
  readonly content: string;
}

/**
 * Splits inline think text off an answer. Three shapes are known: `<think>…</think>answer`; `…</think>answer`, where the
 * chat template of the prompt already opened the tag (QwQ); and `<think>…` that was cut off, which is all reasoning. The
 * first closing tag counts, because the answer itself may be about such tags; one in quotes or backticks closes nothing, because
 * it is code or prose about the tag. White space at the edges is dropped.
 */
export function splitThink(text: string): ThinkSplit {
  const body = text.trimStart();
  const opened = body.startsWith(OPEN);
  const inner = opened ? body.slice(OPEN.length) : body;
  const close = closingTag(inner);
  if (close === -1) return opened ? { reasoning: inner.trim(), content: '' } : { reasoning: null, content: text };
  return { reasoning: inner.slice(0, close).trim(), content: inner.slice(close + CLOSE.length).trim() };
}

function closingTag(text: string): number {
  let at = text.indexOf(CLOSE);
  while (at !== -1 && isQuoted(lineBefore(text, at), lineAfter(text, at + CLOSE.length)))
    at = text.indexOf(CLOSE, at + 1);
  return at;
}

/** How much of a line is looked at: a string or a code span that is longer is none about a tag. */
const NEARBY = 200;

function lineBefore(text: string, end: number): string {
  const nearby = text.slice(Math.max(0, end - NEARBY), end);
  return nearby.slice(nearby.lastIndexOf('\n') + 1);
}

function lineAfter(text: string, start: number): string {
  return text.slice(start, start + NEARBY).split('\n', 1)[0] ?? '';
}

/** Apostrophes are quotes of nothing, so a quote counts only where it touches the tag, and where another one answers it on the same line. */
function isQuoted(before: string, after: string): boolean {
  const closing = /^\\?(["'])/.exec(after)?.[1];
  if (closing !== undefined && (before.endsWith(closing) || before.split(closing).length % 2 === 0)) return true;
  const opening = /(?:^|[^\w"'])(["'])$/.exec(before)?.[1];
  if (opening !== undefined && after.includes(opening)) return true;
  const span = openSpan(before);
  return span !== null && Array.from(after.matchAll(/`+/g), ([run]) => run).includes(span);
}

/** The backticks of the code span that a line ends inside of, if it does: a span ends at as many backticks as it began with. */
function openSpan(line: string): string | null {
  let open: string | null = null;
  for (const [run] of line.matchAll(/`+/g)) open = open === null ? run : open === run ? null : open;
  return open;
}
