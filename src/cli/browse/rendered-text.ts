import { type Html, html } from '../../stages/report/html.js';
import { codePieces } from './code-colours.js';
import type { TextSearch } from './text-search.js';

/** Longer texts are cut on the page, which says so. */
const LONGEST_SHOWN = 200_000;

/** A text of a record as it reads best: prose as it is, fenced code in colours, what was searched for marked. */
export function renderedText(text: string, search: TextSearch, language = ''): Html {
  const shown = text.slice(0, LONGEST_SHOWN);
  const cut = text.length - shown.length;
  const parts = fencedParts(shown).map(({ fence, body }) =>
    fence === undefined
      ? html`<div class="prose">${marked(body, search)}</div>`
      : html`<pre class="code">${renderedCode(body, search, fence || language)}</pre>`,
  );
  const rest = cut === 0 ? '' : html`<p class="quiet">${cut} more characters are not shown.</p>`;
  return html`${parts}${rest}`;
}

/** A text in colours. */
function renderedCode(code: string, search: TextSearch, language: string): Html {
  return html`${[...codePieces(code, language)].map(({ kind, start, end }) => {
    const piece = marked(code.slice(start, end), search);
    return kind === 'plain' ? piece : html`<span class="${kind}">${piece}</span>`;
  })}`;
}

/** A text with what was searched for marked. */
function marked(text: string, search: TextSearch): Html {
  const parts: (string | Html)[] = [];
  let from = 0;
  for (const { start, end } of search.placesIn(text)) {
    parts.push(text.slice(from, start), html`<mark>${text.slice(start, end)}</mark>`);
    from = end;
  }
  return html`${[...parts, text.slice(from)]}`;
}

/** The beginning of a text, or what stands around the first find, on one line. */
export function snippet(text: string, search: TextSearch, length: number): Html {
  const [first] = search.placesIn(text);
  const from = first === undefined || first.end < length ? 0 : Math.max(0, first.start - length / 4);
  const piece = text
    .slice(from, from + length)
    .replace(/\s+/g, ' ')
    .trim();
  return html`${from > 0 ? '… ' : ''}${marked(piece, search)}${from + length < text.length ? ' …' : ''}`;
}

/** Cuts a text at its code fences. `fence` is what stands behind the opening one; a fence that is never closed runs to the end. */
function fencedParts(text: string): readonly { readonly fence: string | undefined; readonly body: string }[] {
  const parts: { fence: string | undefined; body: string }[] = [];
  let lines: string[] = [];
  let fence: string | undefined;
  const close = (next: string | undefined): void => {
    const body = lines.join('\n');
    if (body.trim() !== '') parts.push({ fence, body });
    lines = [];
    fence = next;
  };
  for (const line of text.split('\n')) {
    if (!line.trimStart().startsWith('```')) lines.push(line);
    else if (fence === undefined) close(line.trim().slice(3).trim().slice(0, 30));
    else close(undefined);
  }
  close(undefined);
  return parts;
}
