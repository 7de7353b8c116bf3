import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { SecpiError } from '../../base/errors.js';
import type { Columns } from '../../datasets/columns/column-map.js';
import { columnsInYaml, textInYaml } from '../../datasets/columns/guess-columns.js';
import { unseenSentence } from '../../datasets/columns/unseen-columns.js';
import { formatOf } from '../../datasets/rows/data-format.js';
import { type Source, sourceSchema } from '../../datasets/sources/source.js';
import { type ChosenColumns, isNamed } from '../../datasets/sources/source-rows.js';
import { type Peek, peek } from '../../stages/collect/peek.js';
import type { CliEnvironment } from '../environment.js';
import { abortOnSignals } from '../interrupt.js';
import { shownPath, writeJson } from '../output.js';
import type { OutputOptions } from '../recipes/run-options.js';
import { openRooms } from '../services.js';
import { amount, bytes } from '../views/format.js';
import { plainTable } from '../views/plain-table.js';
import { beginningOf, oneLine } from '../views/printable.js';
import { type Style, styleFor } from '../views/style.js';

export interface PeekOptions extends OutputOptions {
  readonly rows: number;
  readonly revision?: string;
  readonly pathPrefix?: string;
  readonly prompt: readonly string[];
  readonly language?: string;
  readonly answer?: string;
}

/** What is said of a dataset as a whole is said of so many rows at least. */
const rowsLookedAt = 200;
const NOTHING_READ = 'None of these rows can be read, whatever the column.';
/** Languages that are listed; the others are counted together. */
const mostListed = 12;
/** How often the Hub is asked again: somebody waits. */
const hubRetries = 2;
/** Characters of a row that are shown on its line, of an example, and of what a column or a language is called. */
const shown = { row: 140, example: 60, name: 40 };

/** `secpi data peek`: rows of a dataset, what `collect` makes of them, and what to write into a recipe. */
export async function dataPeek(name: string, options: PeekOptions, environment: CliEnvironment): Promise<number> {
  using interrupt = abortOnSignals();
  const { stdout, variables, redact } = environment;
  const source = sourceNamed(name, options, environment);
  const { hub } = openRooms(environment, { hubRetries });
  const found = await peek(source, { hub, signal: interrupt.signal }, Math.max(rowsLookedAt, options.rows));
  if (options.json === true) writeLines(source, found, options.rows, environment);
  else stdout.write(redact(`${textOf(source, found, options.rows, environment, styleFor(stdout, variables))}\n`));
  return 0;
}

/** A file that is there, or a dataset on the Hub. */
function sourceNamed(name: string, options: PeekOptions, { workingDirectory }: CliEnvironment): Source {
  const { revision, pathPrefix, prompt, language, answer } = options;
  const columns = { prompt: prompt.length === 0 ? undefined : prompt, language, answer };
  for (const [option, names] of Object.entries({ prompt, language: [language], answer: [answer] })) {
    if (!names.includes('')) continue;
    throw new SecpiError('datasets/unnamed-column', `--${option} names no column: it is empty`, {
      hint: 'Name a column or a path into one, or leave the option out. A column without a name has to get one first.',
      exitCode: 2,
    });
  }
  const path = resolve(workingDirectory, name);
  if (existsSync(path)) return sourceSchema.parse({ file: path, ...columns });
  const hub = name.replace(/^hub:/, '');
  // A name with the ending of a data file is meant as a file, whichever folder it is looked for in.
  if (/^\w[\w.-]*\/\w[\w.-]*$/.test(hub) && formatOf(hub) === undefined)
    return sourceSchema.parse({ hub, revision, path_prefix: pathPrefix, ...columns });
  throw new SecpiError('datasets/no-such-source', `${name} is neither a file nor the name of a dataset on the Hub`, {
    hint: 'A dataset is named owner/name.',
    exitCode: 2,
  });
}

/** What a recipe's `collect.sources` needs to say. */
function inRecipe(source: Source, { chosen, unseen, licence }: Peek, environment: CliEnvironment): string {
  const where =
    'file' in source
      ? [`file: ${textInYaml(shownPath(source.file, environment))}`]
      : [
          `hub: ${textInYaml(source.hub)}`,
          ...(source.revision === 'main' ? [] : [`revision: ${textInYaml(source.revision)}`]),
          ...(source.path_prefix === '' ? [] : [`path_prefix: ${textInYaml(source.path_prefix)}`]),
        ];
  const isSeen = (name: string): boolean => !unseen.some((column) => column.name === name);
  const columns =
    chosen === undefined ? 'prompt: …' : columnsInYaml(columnsWhere(chosen.columns, (_field, name) => isSeen(name)));
  const under =
    licence === null || chosen?.columns.licence_column !== undefined ? [] : [`licence: ${textInYaml(licence)}`];
  return `- { ${[...where, columns, ...under].join(', ')} }`;
}

/** Some of the columns. The licence of a source is no column, but stands there too. */
function columnsWhere(columns: Columns, isWanted: (field: string, name: string) => boolean): Partial<Columns> {
  const wanted = Object.entries(columns).flatMap(([field, names]): [string, unknown][] => {
    if (typeof names === 'string') return isWanted(field, names) ? [[field, names]] : [];
    const kept = names?.filter((name: string) => isWanted(field, name)) ?? [];
    return kept.length === 0 ? [] : [[field, kept]];
  });
  return Object.fromEntries(wanted);
}

function counted(values: readonly string[]): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([, left], [, right]) => right - left);
}

/** How many of the rows are tasks, why the others are none, and in which languages. */
function summaryOf({ rows }: Peek) {
  const tasks = rows.flatMap(({ task }) => (task === undefined || 'problem' in task ? [] : [task]));
  const bad = rows.flatMap(({ task }) => (task !== undefined && 'problem' in task ? [task.code] : []));
  return {
    rows: rows.length,
    tasks: tasks.length,
    no_tasks: Object.fromEntries(counted(bad)),
    languages: Object.fromEntries(counted(tasks.map(({ language }) => language))),
  };
}

function isAnyRead({ rows }: Peek): boolean {
  return rows.some(({ fileRow }) => 'value' in fileRow);
}

function writeLines(source: Source, found: Peek, most: number, environment: CliEnvironment): void {
  const { commit, files, format, licence, columns, chosen, rows } = found;
  const size = files.reduce((sum, file) => sum + file.bytes, 0);
  const recipe = inRecipe(source, found, environment);
  const about = { commit: commit ?? null, files: files.length, bytes: size, format: format ?? null, licence };
  const missing_columns = found.unseen.map(({ name }) => name);
  const map = chosen === undefined ? null : chosen.columns;
  writeJson(
    {
      type: 'source',
      ...about,
      columns: map,
      guessed: chosen?.guessed ?? false,
      missing_columns,
      ...summaryOf(found),
      recipe,
    },
    environment,
  );
  for (const column of columns)
    writeJson({ type: 'column', ...column, example: exampleOf(column.example) }, environment);
  for (const { fileRow, task } of rows.slice(0, most))
    writeJson({ type: 'row', row: fileRow.row, task: task ?? null }, environment);
}

function textOf(source: Source, found: Peek, most: number, environment: CliEnvironment, style: Style): string {
  const { columns, rows } = found;
  if (rows.length === 0) return [...aboutLines(source, found, environment), '', 'There are no rows in it.'].join('\n');
  const table = plainTable(
    columns.map(({ name, filled, example }) => [
      beginningOf(name, shown.name),
      `${Math.round(100 * filled)} %`,
      exampleOf(example),
    ]),
    { head: ['column', 'filled', 'example'], align: ['left', 'right', 'left'], style },
  );
  const isAll = rows.length < Math.max(rowsLookedAt, most);
  const taken = rows.slice(0, most).map(({ fileRow, task }) => {
    if (task === undefined)
      return [
        String(fileRow.row),
        '',
        'value' in fileRow ? exampleOf(fileRow.value, shown.row) : beginningOf(fileRow.problem, shown.row),
      ];
    if ('problem' in task) return [String(fileRow.row), style('red', task.code), beginningOf(task.problem, shown.row)];
    return [String(fileRow.row), beginningOf(task.language, shown.name), beginningOf(task.prompt, shown.row)];
  });
  const tasks = plainTable(taken, { head: ['row', 'language', 'task'], align: ['right', 'left', 'left'], style });
  return [
    ...aboutLines(source, found, environment),
    ...(columns.length === 0 ? [] : ['', table]),
    ...(taken.length === 0 ? [] : ['', tasks]),
    ...['', ...summaryLines(source, found, isAll)],
    ...(found.chosen !== undefined && summaryOf(found).tasks === 0
      ? ['', isAnyRead(found) ? 'That makes no task of any row: name the right column by `--prompt`.' : NOTHING_READ]
      : ['', 'In a recipe, under `collect.sources`:', `  ${inRecipe(source, found, environment)}`]),
  ].join('\n');
}

function aboutLines(
  source: Source,
  { commit, files, format, licence }: Peek,
  environment: CliEnvironment,
): readonly string[] {
  const size = bytes(files.reduce((sum, file) => sum + file.bytes, 0));
  const where = 'file' in source ? shownPath(source.file, environment) : `${source.hub} at ${commit}`;
  const inFiles = files.length === 1 ? size : `${size} in ${files.length} files`;
  return [
    `${oneLine(where)}: ${format ?? 'unknown format'}, ${inFiles}`,
    ...(licence === null ? [] : [`licence: ${licence}, as its card says`]),
  ];
}

function summaryLines(source: Source, found: Peek, isAll: boolean): readonly string[] {
  const { rows, tasks, no_tasks, languages } = summaryOf(found);
  const { chosen } = found;
  const looked = isAll && rows === 1 ? 'the only row' : `${isAll ? 'all' : 'the first'} ${amount(rows)} rows`;
  if (chosen === undefined) return [`No column looks like a task in ${looked}: name it by \`--prompt\`.`];
  const none = isAll ? 'no row' : `none of ${looked}`;
  const others = Object.keys(no_tasks).length === 0 ? '' : `; no tasks: ${listed(no_tasks)}`;
  return [
    ...(isAnyRead(found) ? columnLines(source, chosen) : []),
    ...found.unseen.map((column) => `warning: ${oneLine(unseenSentence(column, none))}`),
    `${looked}: ${amount(tasks)} tasks${others}`,
    ...(tasks === 0 ? [] : [`languages: ${listed(languages)}`]),
  ];
}

/** What a person has named is not guessed. */
function columnLines(source: Source, { columns, guessed }: ChosenColumns): readonly string[] {
  const isChosen = (field: string): boolean => !guessed || isNamed(source, field);
  const line = (word: string, some: Partial<Columns>): readonly string[] =>
    Object.keys(some).length === 0 ? [] : [`${word} columns: ${columnsInYaml(some)}`];
  return [
    ...line(
      'guessed',
      columnsWhere(columns, (field) => !isChosen(field)),
    ),
    ...line('chosen', columnsWhere(columns, isChosen)),
  ];
}

/** The most frequent of them, and how many others there are. */
function listed(counts: Readonly<Record<string, number>>): string {
  const all = Object.entries(counts).sort(([, left], [, right]) => right - left);
  const named = all.slice(0, mostListed).map(([name, count]) => `${beginningOf(name, shown.name)} ${count}`);
  const others = all.slice(mostListed);
  const tasks = others.reduce((sum, [, count]) => sum + count, 0);
  const more = ` and ${others.length} ${others.length === 1 ? 'other' : 'others'} (${tasks} ${tasks === 1 ? 'task' : 'tasks'})`;
  return `${named.join(', ')}${others.length === 0 ? '' : more}`;
}

function exampleOf(value: unknown, length: number = shown.example): string {
  const text =
    typeof value === 'string'
      ? value
      : JSON.stringify(value, (_key, one) => (typeof one === 'bigint' ? String(one) : one));
  return beginningOf(text ?? '', length);
}
