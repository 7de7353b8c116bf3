/** A row as it was read. */
export type RowValue = Readonly<Record<string, unknown>>;

/**
 * What stands at a path of a row: the column of that very name, or else step by step, `meta.prompt` in `{"meta": {"prompt": …}}` and
 * `turns.0` in a list. `undefined` when nothing does. What every object inherits is no column.
 */
export function valueAt(row: RowValue, path: string): unknown {
  if (Object.hasOwn(row, path)) return row[path];
  let value: unknown = row;
  for (const step of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[step];
  }
  return value;
}

/** The columns of a row that paths may mean: those that a format has to read. */
export function columnsOf(paths: readonly string[]): readonly string[] {
  return [...new Set(paths.flatMap((path) => [path, path.split('.')[0] ?? path]))];
}
