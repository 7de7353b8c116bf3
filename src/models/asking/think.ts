/** How a thought is marked in a text, and perhaps the answer behind it. */
interface Marks {
  readonly open: string;
  readonly close: string;
  readonly answer?: { readonly open: string; readonly close: string };
}

const THINK: Marks = { open: '<think>', close: '</think>' };

const KNOWN: readonly Marks[] = [
  // DeepSeek-R1, Qwen, QwQ and most others.
  THINK,
  // Seed-OSS.
  { open: '<seed:think>', close: '</seed:think>' },
  // Magistral.
  { open: '[THINK]', close: '[/THINK]' },
  // STILL-2, Sky-T1, Bespoke-Stratos, OpenThoughts.
  {
    open: '<|begin_of_thought|>',
    close: '<|end_of_thought|>',
    answer: { open: '<|begin_of_solution|>', close: '<|end_of_solution|>' },
  },
];

/** What a model thought and what it said. */
export interface ThinkSplit {
  readonly reasoning: string | null;
  readonly content: string;
}

/**
 * Splits inline think text off an answer. Three shapes are known: `<think>…</think>answer`, and the same with the other marks above;
 * `…</think>answer`, where the chat template of the prompt already opened the tag (QwQ); and `<think>…` that was cut off, which is all reasoning. The
 * first closing tag counts, because the answer itself may be about such tags; one in quotes or backticks closes nothing, because
 * it is code or prose about the tag. White space at the edges is dropped.
 */
export function splitThink(text: string): ThinkSplit {
  const body = text.trimStart();
  const opened = KNOWN.find(({ open }) => body.startsWith(open));
  const { close: tag, answer } = opened ?? THINK;
  const inner = opened === undefined ? body : body.slice(opened.open.length);
  const close = closingTag(inner, tag);
  if (close === -1) {
    return opened === undefined ? { reasoning: null, content: text } : { reasoning: inner.trim(), content: '' };
  }
  return { reasoning: inner.slice(0, close).trim(), content: unwrapped(inner.slice(close + tag.length), answer) };
}

/** Without the marks around it, of which the last is missing when it was cut off. */
function unwrapped(text: string, marks: Marks['answer']): string {
  const answer = text.trim();
  if (marks === undefined || !answer.startsWith(marks.open)) return answer;
  const inner = answer.slice(marks.open.length);
  return (inner.endsWith(marks.close) ? inner.slice(0, -marks.close.length) : inner).trim();
}

function closingTag(text: string, tag: string): number {
  let at = text.indexOf(tag);
  while (at !== -1 && isQuoted(lineBefore(text, at), lineAfter(text, at + tag.length))) at = text.indexOf(tag, at + 1);
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
