import * as z from 'zod';
import { SecpiError } from '../../base/errors.js';
import { taskOf } from '../../datasets/column-map.js';
import { ContaminationIndex } from '../../datasets/contamination.js';
import { normaliseLanguage } from '../../datasets/language.js';
import { NearDuplicates } from '../../datasets/near-duplicates.js';
import { type FileRow, readRowFile } from '../../datasets/row-file.js';
import type { Task } from '../../datasets/task.js';
import { defineStage } from '../../engine/stage.js';
import { count } from '../asking.js';
import { suiteReferences } from '../decontamination.js';
import type { SecpiStage, StageContextOf, StageServices } from '../services.js';
import { suitePins } from '../suite-pins.js';
import type { DroppedRow } from './records.js';
import { pinSource, type Source, type SourceFile, sourceFiles, sourceName, sourceSchema } from './source.js';

export const collectParams = z.strictObject({
  sources: z.array(sourceSchema).min(1),
  /** A row that is no task (not JSON, no prompt): `skip` counts it and goes on, `stop` ends the run and names it. */
  on_bad_row: z.enum(['skip', 'stop']).default('skip'),
  /** Jaccard similarity of word 3-grams from which a task counts as a copy of an earlier one; `false` keeps near duplicates. */
  near_duplicates: z.union([z.number().gt(0).max(1), z.literal(false)]).default(0.7),
  /** Only tasks in these, by the names that tasks have: `python`, `c`, `cpp`, `go`, `javascript`, …; default: all. */
  languages: z
    .array(
      z.string().refine((name) => normaliseLanguage(name) === name, {
        error: ({ input }) => `is called ${normaliseLanguage(String(input))} here`,
      }),
    )
    .min(1)
    .optional(),
  /** Suites whose problems must not stand in the tasks. */
  decontaminate: z.array(z.string()).default([]),
});
type Params = z.infer<typeof collectParams>;
type Context = StageContextOf<Params, never>;

/** Bad rows that are shown one by one; the rest is only counted (all of them stand in `dropped.jsonl`). */
const badRowsShown = 5;

/** Reads the sources into one list of tasks, without bad rows, duplicates and benchmark problems: each counted and kept aside. */
export const collect: SecpiStage<Params, never> = defineStage<Params, never, StageServices>({
  name: 'collect',
  version: 1,
  params: collectParams,
  inputs: [],
  seeded: false,

  async pins(context) {
    const { params, services } = context;
    const sources = [];
    for (const source of params.sources) sources.push(await pinSource(source, context));
    return { sources, suites: await suitePins(params.decontaminate, services) };
  },

  async run(context) {
    const { params, output, services, signal, emit } = context;
    const tasks = await output.rows('tasks.jsonl');
    const dropped = await output.rows('dropped.jsonl');
    const judge = new Judge(params, new ContaminationIndex(await suiteReferences(params.decontaminate, services)));
    const reasons: Record<string, number> = {};
    const counts = { rows: 0, tasks: 0, dropped: 0 };

    for await (const { fileRow, file, source } of allRows(context)) {
      signal.throwIfAborted();
      counts.rows += 1;
      const task = taskOf(fileRow, source, sourceName(source));
      const drop = 'problem' in task ? badRow(fileRow, task.problem, source, file) : judge.reasonToDrop(task, file);
      if (drop === undefined) {
        counts.tasks += 1;
        await tasks.write(task);
      } else {
        counts.dropped += 1;
        count(reasons, drop.code);
        await dropped.write(drop);
        if (drop.code === 'bad_row')
          reportBadRow(`${file.label}:${drop.row}`, drop.detail, reasons.bad_row ?? 0, context);
      }
      if (counts.rows % 200 === 0) emit({ type: 'progress', done: counts.rows, unit: 'rows' });
    }
    if (counts.tasks === 0) {
      throw new SecpiError('collect/no-tasks', `none of ${counts.rows} rows is a task`, {
        hint: 'Check the column names under `collect.sources`.',
      });
    }
    emit({ type: 'progress', done: counts.rows, total: counts.rows, unit: 'rows' });
    return { counts, reasons };
  },
});

async function* allRows({
  params,
  work,
  services,
  signal,
}: Context): AsyncIterable<{ fileRow: FileRow; file: SourceFile; source: Source }> {
  for (const source of params.sources) {
    for (const file of await sourceFiles(source, work.path('hub'), services, signal)) {
      for await (const fileRow of readRowFile(file.path)) yield { fileRow, file, source };
    }
  }
}

/** Decides what a task is next to those before it. */
class Judge {
  readonly #ids = new Set<string>();
  readonly #near: NearDuplicates | undefined;
  readonly #contamination: ContaminationIndex;
  readonly #languages: ReadonlySet<string> | undefined;

  constructor(params: Params, contamination: ContaminationIndex) {
    this.#near = params.near_duplicates === false ? undefined : new NearDuplicates(params.near_duplicates);
    this.#contamination = contamination;
    this.#languages = params.languages && new Set(params.languages);
  }

  reasonToDrop(task: Task, file: SourceFile): DroppedRow | undefined {
    const drop = (
      code: DroppedRow['code'],
      detail: string,
      kept: string | null = null,
      similarity: number | null = null,
    ): DroppedRow => {
      const { source, row, prompt } = task;
      return { schema: 1, source, file: file.name, row, code, detail, kept, similarity, prompt };
    };
    if (this.#languages?.has(task.language) === false)
      return drop('other_language', `${task.language} is not among collect.languages`);
    if (this.#ids.has(task.id)) return drop('exact_duplicate', `same as ${task.id}`, task.id, 1);
    const hit = this.#contamination.find(task.prompt);
    if (hit !== undefined) return drop('contaminated', `shares "${hit.words}" with ${hit.reference}`);
    const near = this.#near?.add(task.id, task.prompt);
    if (near !== undefined)
      return drop(
        'near_duplicate',
        `${near.similarity.toFixed(2)} like ${near.of}`,
        near.of,
        Number(near.similarity.toFixed(4)),
      );
    this.#ids.add(task.id);
    return undefined;
  }
}

function badRow({ row }: FileRow, problem: string, source: Source, file: SourceFile): DroppedRow {
  return {
    schema: 1,
    source: sourceName(source),
    file: file.name,
    row,
    code: 'bad_row',
    detail: problem,
    kept: null,
    similarity: null,
    prompt: null,
  };
}

function reportBadRow(place: string, problem: string, seen: number, { params, emit }: Context): void {
  const message = `${place} ${problem}`;
  if (params.on_bad_row === 'stop') {
    throw new SecpiError('collect/bad-row', message, {
      hint: 'Mend the row, or set `collect.on_bad_row: skip` to count such rows and go on.',
    });
  }
  if (seen <= badRowsShown) emit({ type: 'log', level: 'warn', message: `skipped ${message}` });
  if (seen === badRowsShown + 1) emit({ type: 'log', level: 'warn', message: 'more bad rows are counted, not shown' });
}
