import { type Html, html } from '../../stages/report/html.js';
import { renderedText, snippet } from './rendered-text.js';
import { facetsOf, rowIn } from './row-facets.js';
import type { TextSearch } from './text-search.js';

/** What is read first of a record, in this order, by path; everything else comes behind it, in the order of the file. */
const FIRST = [
  'reason',
  'detail',
  'prompt',
  'task.prompt',
  'task.reason',
  'messages.0.content',
  'reasoning',
  'answer',
  'completion',
  'code',
];
/** Texts of which a line or two stand in a list. */
const TITLES = ['prompt', 'task.prompt', 'detail', 'messages.0.content', 'answer', 'completion', 'problem', 'task_id'];
const WHY = ['reason', 'task.reason', 'detail'];

/** A value that is shown in one line. */
const SHORT = 100;
/** Objects within objects are shown as they are from here on. */
const DEEPEST = 4;
const MOST_FIELDS = 400;

interface Field {
  readonly path: string;
  readonly value: string;
}

/** A row in a list: where it leads, what it is, and its beginning. */
export function listItem(row: number, line: string, search: TextSearch, href: string): Html {
  const record = rowIn(line);
  if (record === undefined) {
    return html`<li><a href="${href}">row ${row + 1}</a> ${badge('bad', 'unreadable')}<p>${snippet(line, search, 300)}</p></li>`;
  }
  const fields = fieldsOf(record);
  const of = (paths: readonly string[]) =>
    paths.flatMap((path) => fields.filter((field) => field.path === path))[0]?.value;
  const title = of(TITLES) ?? line;
  const why = of(WHY);
  return html`<li><a href="${href}">row ${row + 1}</a> ${badges(record)}<p>${snippet(title, search, 300)}</p>${
    why === undefined || why === title ? '' : html`<p class="quiet">${snippet(why, search, 200)}</p>`
  }</li>`;
}

/** All of a row. */
export function wholeRecord(line: string, search: TextSearch): Html {
  const record = rowIn(line);
  if (record === undefined)
    return html`<p class="notice">This line is no JSON object.</p><pre>${line.slice(0, 100_000)}</pre>`;
  const { language } = facetsOf(record);
  const fields = fieldsOf(record);
  const short = fields.filter(({ value }) => value.length <= SHORT && !value.includes('\n'));
  const rank = ({ path }: Field): number => (FIRST.includes(path) ? FIRST.indexOf(path) : FIRST.length);
  const long = fields.filter((field) => !short.includes(field)).sort((one, other) => rank(one) - rank(other));
  return html`<p>${badges(record)}</p>
<table>${short.map(({ path, value }) => html`<tr><th>${path}</th><td>${snippet(value, search, SHORT)}</td></tr>`)}</table>
${long.map(({ path, value }) => {
  const isCode = path === 'code' || path.endsWith('.code') || path.startsWith('submission.');
  const text = isCode ? `\`\`\`${language}\n${value}\n\`\`\`` : value;
  return html`<section><h2>${path} <span class="quiet">${value.length} characters</span></h2>${renderedText(text, search, language)}</section>`;
})}`;
}

function badges(record: Readonly<Record<string, unknown>>): Html {
  const { reason, language, cwes } = facetsOf(record);
  return html`${reason === '' ? '' : badge('why', reason.replaceAll('_', ' '))} ${
    language === '' ? '' : badge('language', language)
  } ${cwes.map((id) => html`${badge('cwe', id)} `)}`;
}

function badge(kind: string, text: string): Html {
  return html`<span class="badge ${kind}">${text}</span>`;
}

/** Every value of a record as text, by its path; what lies too deep is JSON. */
function fieldsOf(record: unknown): readonly Field[] {
  const fields: Field[] = [];
  const add = (path: string, value: unknown, depth: number): void => {
    if (fields.length >= MOST_FIELDS) return;
    if (typeof value !== 'object' || value === null)
      fields.push({ path, value: typeof value === 'string' ? value : String(value) });
    else if (Array.isArray(value) && value.every((item) => typeof item !== 'object' || item === null)) {
      fields.push({ path, value: value.map(String).join(', ') });
    } else if (depth === DEEPEST) fields.push({ path, value: JSON.stringify(value, null, 2) });
    else for (const [key, inner] of Object.entries(value)) add(path === '' ? key : `${path}.${key}`, inner, depth + 1);
  };
  add('', record, 0);
  return fields;
}
