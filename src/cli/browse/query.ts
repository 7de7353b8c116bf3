import type { RowFacets } from './row-facets.js';
import type { RowFilter } from './row-index.js';

/** What a page of rows is chosen by, as its address says. */
export interface Query {
  /** Which of the stage's files, counting from 0. */
  readonly file: number;
  /** The first row looked at, counting from 0. */
  readonly from: number;
  /** 1: rows from there on; -1: rows before. */
  readonly direction: 1 | -1;
  readonly reason: string;
  readonly language: string;
  readonly cwe: string;
  readonly text: string;
}

export const emptyQuery: Query = { file: 0, from: 0, direction: 1, reason: '', language: '', cwe: '', text: '' };

/** Longer ones are cut. */
const LONGEST_TEXT = 1000;

/** Reads the query of an address; what makes no sense there is left out. */
export function queryIn(parameters: URLSearchParams): Query {
  const text = (name: string): string => (parameters.get(name) ?? '').slice(0, LONGEST_TEXT);
  const number = (name: string): number => {
    const written = parameters.get(name) ?? '';
    return /^\d{1,12}$/.test(written) ? Number(written) : 0;
  };
  // People count rows from 1.
  const from = parameters.has('row') ? Math.max(0, number('row') - 1) : number('from');
  return {
    file: number('file'),
    from,
    direction: parameters.get('back') === '1' ? -1 : 1,
    reason: text('reason'),
    language: text('language'),
    cwe: text('cwe'),
    text: text('text'),
  };
}

/** The query as a part of an address, without what is as usual. */
export function queryText(query: Query): string {
  const parameters = new URLSearchParams();
  for (const name of ['file', 'from'] as const) if (query[name] !== 0) parameters.set(name, String(query[name]));
  if (query.direction === -1) parameters.set('back', '1');
  for (const name of ['reason', 'language', 'cwe', 'text'] as const) {
    if (query[name] !== '') parameters.set(name, query[name]);
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

export function filterOf({ reason, language, cwe }: Query): RowFilter {
  return (facets: RowFacets) =>
    (reason === '' || facets.reason === reason) &&
    (language === '' || facets.language === language) &&
    (cwe === '' || facets.cwes.includes(cwe));
}
