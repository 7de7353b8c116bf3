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
 * first closing tag counts, because the answer itself may be about such tags. White space at the edges is dropped.
 */
export function splitThink(text: string): ThinkSplit {
  const body = text.trimStart();
  const opened = body.startsWith(OPEN);
  const inner = opened ? body.slice(OPEN.length) : body;
  const close = inner.indexOf(CLOSE);
  if (close === -1) return opened ? { reasoning: inner.trim(), content: '' } : { reasoning: null, content: text };
  return { reasoning: inner.slice(0, close).trim(), content: inner.slice(close + CLOSE.length).trim() };
}
