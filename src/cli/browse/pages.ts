import { type Html, html } from '../../stages/report/html.js';
import { emptyQuery, filterOf, type Query, queryText } from './query.js';
import { wholeRecord } from './record-view.js';
import type { RowIndex } from './row-index.js';
import { style } from './style.js';
import { TextSearch } from './text-search.js';

/** What all pages of a stage have in common. */
export interface Browsed {
  readonly stage: string;
  readonly run: string;
  readonly files: readonly { readonly name: string; readonly rows: number | undefined }[];
}

/** Choices beyond these are found by searching for them. */
const MOST_CHOICES = 200;

/** The beginning of a page. */
export function head({ stage, run }: Browsed, title: string): Html {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · ${stage}</title><style>${style}</style></head><body>
<h1>${stage} <span class="quiet">run ${run}</span></h1>
`;
}

/** Links to the stage's files. */
export function fileLinks({ files }: Browsed, query: Query): Html {
  return html`<nav aria-label="files">${files.map(({ name, rows }, at) => {
    const text = html`${name} <span class="quiet">${rows === undefined ? '' : rows.toLocaleString('en')}</span>`;
    const href = `./${queryText({ ...emptyQuery, file: at })}`;
    return at === query.file
      ? html`<a aria-current="page" href="${href}">${text}</a>`
      : html`<a href="${href}">${text}</a>`;
  })}</nav>
`;
}

/** What can be chosen from, as far as the file is known, and what is chosen. */
export function chooser(query: Query, index: RowIndex): Html {
  const counts = {
    reason: new Map<string, number>(),
    language: new Map<string, number>(),
    cwe: new Map<string, number>(),
  };
  const add = (of: Map<string, number>, value: string, rows: number): void => {
    if (value !== '') of.set(value, (of.get(value) ?? 0) + rows);
  };
  let matching = 0;
  const matches = filterOf(query);
  for (const { facets, rows } of index.combinations) {
    add(counts.reason, facets.reason, rows);
    add(counts.language, facets.language, rows);
    for (const id of new Set(facets.cwes)) add(counts.cwe, id, rows);
    if (matches(facets)) matching += rows;
  }
  const choice = (name: keyof typeof counts, label: string): Html | string => {
    const all = [...counts[name]].sort(([, one], [, other]) => other - one).slice(0, MOST_CHOICES);
    if (all.length === 0 && query[name] === '') return '';
    if (query[name] !== '' && !all.some(([value]) => value === query[name])) all.push([query[name], 0]);
    return html`<label>${label}<select name="${name}"><option value="">any</option>${all.map(([value, rows]) => {
      const text = `${value.replaceAll('_', ' ')} (${rows.toLocaleString('en')})`;
      return value === query[name]
        ? html`<option value="${value}" selected>${text}</option>`
        : html`<option value="${value}">${text}</option>`;
    })}</select></label>`;
  };
  const read = index.isComplete ? '' : ' read so far; the rest is being read';
  return html`<form method="get" action="./">
<input type="hidden" name="file" value="${query.file}">
${choice('reason', 'reason')}${choice('cwe', 'weakness')}${choice('language', 'language')}
<label>text<input type="search" name="text" value="${query.text}"></label>
<label>from row<input type="number" name="row" min="1" value="${query.from + 1}"></label>
<button>Show</button>
</form>
<p class="quiet">${matching.toLocaleString('en')} of ${index.rows.toLocaleString('en')} rows${read}${query.text === '' ? '' : ', before the text is looked for'}</p>
`;
}

/** The end of a list: where to go on. */
export function listEnd(query: Query, shown: readonly number[], isMore: boolean): Html {
  const first = shown[0];
  const last = shown.at(-1);
  const to = (change: Partial<Query>, text: string): Html =>
    html`<a href="${`./${queryText({ ...query, ...change })}`}">${text}</a>`;
  const before = (row: number): Html | string => (row > 0 ? to({ from: row - 1, direction: -1 }, 'earlier rows') : '');
  if (first === undefined || last === undefined) {
    return html`<p>No ${query.direction === -1 ? 'earlier' : 'further'} rows.</p><nav>${before(query.direction === -1 ? 0 : query.from)}${to({ from: 0, direction: 1 }, 'first rows')}</nav></body></html>`;
  }
  const later = query.direction === -1 || isMore ? to({ from: last + 1, direction: 1 }, 'later rows') : '';
  return html`<nav aria-label="pages">${query.direction === 1 || isMore ? before(first) : ''}${later}</nav></body></html>`;
}

/** One row, whole. */
export function rowPage(browsed: Browsed, query: Query, line: string): Html {
  const list = (text: string, change: Partial<Query>): Html =>
    html`<a href="${`./${queryText({ ...query, ...change })}`}">${text}</a>`;
  const row = (text: string, from: number): Html =>
    html`<a href="${`row${queryText({ ...query, from, direction: 1 })}`}">${text}</a>`;
  return html`${head(browsed, `row ${query.from + 1}`)}${fileLinks(browsed, query)}<nav>${list('back to the list', { direction: 1 })}${
    query.from > 0 ? row('row before', query.from - 1) : ''
  }${row('row after', query.from + 1)}<span class="quiet">row ${query.from + 1}</span></nav>
${wholeRecord(line, new TextSearch(query.text))}</body></html>`;
}

/** A page that only says something. */
export function notePage(browsed: Browsed, text: string): Html {
  return html`${head(browsed, text)}<p class="notice">${text}</p><nav><a href="./">first rows</a></nav></body></html>`;
}
