import { SecpiError } from '../../base/errors.js';
import { type NoTask, taskOf } from '../../datasets/columns/column-map.js';
import { licenceOf } from '../../datasets/columns/licence.js';
import { type NamedColumn, UnseenColumns } from '../../datasets/columns/unseen-columns.js';
import { formatOf } from '../../datasets/rows/data-format.js';
import type { FileRow } from '../../datasets/rows/file-row.js';
import { type Source, sourceName } from '../../datasets/sources/source.js';
import { type ReachedFrom, sourceFiles } from '../../datasets/sources/source-files.js';
import { type ChosenColumns, chooseColumns, firstRows } from '../../datasets/sources/source-rows.js';
import type { Task } from '../../datasets/task.js';

/** A column of a source, as far as its first rows tell. */
export interface PeekedColumn {
  readonly name: string;
  /** Share of the rows in which something stands there. */
  readonly filled: number;
  /** The first value that is not empty. */
  readonly example: unknown;
}

/** What can be said of a source without reading more of it than its beginning. */
export interface Peek {
  /** The commit of a dataset on the Hub. */
  readonly commit: string | undefined;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  /** How rows stand in them: `jsonl.gz`. */
  readonly format: string | undefined;
  /** The licence that a dataset's card on the Hub names. */
  readonly licence: string | null;
  readonly columns: readonly PeekedColumn[];
  /** Undefined when no column looks like a task. */
  readonly chosen: ChosenColumns | undefined;
  /** Of those, the ones that none of the rows has. */
  readonly unseen: readonly NamedColumn[];
  /** Each row with what `collect` would make of it; nothing without columns. */
  readonly rows: readonly { readonly fileRow: FileRow; readonly task: Task | NoTask | undefined }[];
}

/** Looks at the first `most` rows of a source; of files on the Hub it fetches no more than they need. */
export async function peek(source: Source, from: Omit<ReachedFrom, 'folder'>, most: number): Promise<Peek> {
  const there = { ...from, folder: undefined };
  const files = [];
  for await (const { name, data } of sourceFiles(source, there)) files.push({ name, bytes: data.bytes });
  const rows = await firstRows(source, there, most);
  const chosen = columnsIfAny(source, rows);
  const { format, packing } = formatOf(files[0]?.name ?? '') ?? {};
  return {
    ...(await cardOf(source, from)),
    files,
    format: packing === undefined ? format : `${format}.${packing}`,
    columns: columnsIn(rows),
    chosen,
    unseen: unseenIn(rows, chosen),
    rows: rows.map((fileRow) => ({ fileRow, task: chosen && taskOf(fileRow, chosen.columns, sourceName(source)) })),
  };
}

function columnsIfAny(source: Source, rows: readonly FileRow[]): ChosenColumns | undefined {
  try {
    return chooseColumns(source, rows);
  } catch (error) {
    if (error instanceof SecpiError && error.code === 'datasets/no-prompt-column') return undefined;
    throw error;
  }
}

function unseenIn(rows: readonly FileRow[], chosen: ChosenColumns | undefined): readonly NamedColumn[] {
  if (chosen === undefined) return [];
  const unseen = new UnseenColumns(chosen.columns);
  for (const row of rows) unseen.see(row);
  return unseen.columns;
}

function columnsIn(rows: readonly FileRow[]): readonly PeekedColumn[] {
  const values = rows.flatMap((row) => ('value' in row ? [row.value] : []));
  const names = [...new Set(values.flatMap((value) => Object.keys(value)))];
  return names.map((name) => {
    // What every object inherits stands in no row.
    const filled = values.flatMap((value) => (Object.hasOwn(value, name) ? [value[name]] : [])).filter(isFilled);
    return { name, filled: filled.length / values.length, example: filled[0] };
  });
}

function isFilled(value: unknown): boolean {
  return value !== undefined && value !== null && (typeof value !== 'string' || value.trim() !== '');
}

/** Bytes of a card in which its head stands. */
const cardHead = 16_384;

/** What the Hub knows of a dataset: its commit, and the licence that the head of its `README.md` names. */
async function cardOf(
  source: Source,
  { hub, signal }: Omit<ReachedFrom, 'folder'>,
): Promise<Pick<Peek, 'commit' | 'licence'>> {
  if ('file' in source) return { commit: undefined, licence: null };
  const repo = { kind: 'dataset', name: source.hub } as const;
  const commit = await hub.resolve(repo, source.revision, signal);
  const card = (await hub.list(repo, commit, signal)).find(({ path }) => path === 'README.md');
  if (card === undefined) return { commit, licence: null };
  const bytes = await hub.read(repo, commit, card.path, { start: 0, end: Math.min(card.bytes, cardHead) }, signal);
  const [, head = ''] = /^---\r?\n([\s\S]*?)\r?\n---/.exec(Buffer.from(bytes).toString('utf8')) ?? [];
  const [, licence] = /^license:[ \t]*["']?([\w.+-]{1,60})/m.exec(head) ?? [];
  return { commit, licence: licenceOf(licence) };
}
