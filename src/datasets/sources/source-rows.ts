import { SecpiError } from '../../base/errors.js';
import { type Columns, columnsRead } from '../columns/column-map.js';
import { columnsInYaml, guessColumns, rowsForGuess } from '../columns/guess-columns.js';
import { UnseenColumns, unseenSentence } from '../columns/unseen-columns.js';
import type { FileRow } from '../rows/file-row.js';
import { readRows } from '../rows/row-file.js';
import { sampler } from '../sample.js';
import { type Source, sourceName } from './source.js';
import { type ReachedFrom, type SourceFile, sourceFiles } from './source-files.js';

/** The columns of a source, and whether they had to be guessed. */
export interface ChosenColumns {
  readonly columns: Columns;
  readonly guessed: boolean;
}

/** The columns that a source names, or, where it names none for the prompt, those that its first rows suggest. Throws `datasets/no-prompt-column`. */
export async function columnsOfSource(source: Source, from: ReachedFrom): Promise<ChosenColumns> {
  return chooseColumns(source, source.prompt === undefined ? await firstRows(source, from, rowsForGuess) : []);
}

/** The same, of rows that are there. */
export function chooseColumns(source: Source, rows: readonly FileRow[]): ChosenColumns {
  const { prompt, language, answer, reasoning, licence, licence_column } = source;
  const named = Object.entries({ language, answer, reasoning, licence, licence_column }).filter(
    ([, value]) => value !== undefined,
  );
  const columns = (guess: Columns): Columns => ({ ...guess, ...Object.fromEntries(named) });
  if (prompt !== undefined)
    return { columns: columns({ prompt: typeof prompt === 'string' ? [prompt] : prompt }), guessed: false };
  const values = rows.flatMap((row) => ('value' in row ? [row.value] : []));
  // Nothing to guess from: whoever reads the rows says what is wrong with them.
  if (values.length === 0) return { columns: columns({ prompt: ['prompt'] }), guessed: false };
  const guess = guessColumns(values);
  if (guess !== undefined) return { columns: columns(guess), guessed: true };
  const there = [...new Set(values.flatMap((value) => Object.keys(value)))].slice(0, 12).join(', ');
  throw new SecpiError(
    'datasets/no-prompt-column',
    `no column of ${sourceName(source)} looks like a task (it has ${there || 'none'})`,
    { hint: 'Look at the rows with `secpi data peek`, and set `prompt` of the source.' },
  );
}

/** Whether a source names the column of this field itself. */
export function isNamed(source: Source, field: string): boolean {
  return Object.entries(source).some(([key, value]) => key === field && value !== undefined);
}

/** Rows from the beginning of a source, whole and as they are. */
export async function firstRows(source: Source, from: ReachedFrom, most: number): Promise<readonly FileRow[]> {
  const rows: FileRow[] = [];
  for await (const { data } of sourceFiles(source, from)) {
    for await (const row of readRows(data, { limit: most - rows.length })) rows.push(row);
    if (rows.length >= most) break;
  }
  return rows;
}

/** A row, and the file that it stands in. */
export interface SourceRow {
  readonly fileRow: FileRow;
  readonly file: SourceFile;
}

/** The rows of a source that its `sample` and `limit` choose, in order. The seed matters to a sample only. */
export async function* sourceRows(
  source: Source,
  columns: Columns,
  from: ReachedFrom & { readonly seed: number },
): AsyncGenerator<SourceRow> {
  const { sample, limit = Number.POSITIVE_INFINITY } = source;
  let taken = 0;
  for await (const file of sourceFiles(source, from)) {
    const chosen = sample === undefined ? undefined : sampler(sample, from.seed, `${sourceName(source)}/${file.name}`);
    const most = chosen === undefined && limit !== Number.POSITIVE_INFINITY ? { limit: limit - taken } : {};
    for await (const fileRow of readRows(file.data, { columns: columnsRead(columns), ...most })) {
      if (chosen?.(fileRow.row) === false) continue;
      yield { fileRow, file };
      taken += 1;
      if (taken >= limit) return;
    }
  }
}

/** A row of one of several sources. */
export interface RowOfSources extends SourceRow {
  readonly source: Source;
  readonly columns: Columns;
}

/**
 * The rows of sources, one source after another. Of a source with a `limit` nothing is downloaded to the folder. `say` hears which columns had to be
 * guessed, and, once a source was read to its end, which of those that it names no row has.
 */
export async function* rowsOfSources(
  sources: readonly Source[],
  { folder, ...from }: ReachedFrom & { readonly seed: number },
  say: (message: string, level: 'info' | 'warn') => void,
): AsyncGenerator<RowOfSources> {
  for (const source of sources) {
    // Whoever wants a few rows of a dataset does not fetch all of it.
    const there = { ...from, folder: source.limit === undefined ? folder : undefined };
    const { columns, guessed } = await columnsOfSource(source, there);
    if (guessed) {
      const guess = Object.fromEntries(Object.entries(columns).filter(([field]) => !isNamed(source, field)));
      say(
        `${sourceName(source)}: guessed columns { ${columnsInYaml(guess)} }; name them in the recipe if that is wrong`,
        'info',
      );
    }
    const unseen = new UnseenColumns(columns);
    for await (const row of sourceRows(source, columns, there)) {
      unseen.see(row.fileRow);
      yield { ...row, source, columns };
    }
    for (const column of unseen.columns) say(`${sourceName(source)}: ${unseenSentence(column)}`, 'warn');
  }
}
