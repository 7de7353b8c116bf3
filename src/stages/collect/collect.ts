import * as z from 'zod';
import { SecpiError } from '../../base/errors.js';
import { type NoTask, taskOf } from '../../datasets/columns/column-map.js';
import { normaliseLanguage } from '../../datasets/languages/language-names.js';
import { pinSources, sourceName, sourceSchema } from '../../datasets/sources/source.js';
import { type RowOfSources, rowsOfSources } from '../../datasets/sources/source-rows.js';
import type { Task } from '../../datasets/task.js';
import { defineStage } from '../../engine/stage.js';
import { count } from '../asking.js';
import { SuiteTexts } from '../decontamination.js';
import type { SecpiStage, StageContextOf, StageServices } from '../services.js';
import { suitePins } from '../suite-pins.js';
import { Judge, type Reason } from './judge.js';
import { noTasks } from './no-tasks.js';
import type { DroppedRow } from './records.js';
import { isInShard, shardSchema } from './shard.js';

export const collectParams = z.strictObject({
  sources: z.array(sourceSchema).min(1),
  /** A row that is no task (not JSON, no prompt): `skip` counts it and goes on, `stop` ends the run and names it. */
  on_bad_row: z.enum(['skip', 'stop']).default('skip'),
  /** Jaccard similarity of word 3-grams from which a task counts as a copy of an earlier one; `false` keeps near duplicates. */
  near_duplicates: z.union([z.number().gt(0).max(1), z.literal(false)]).default(0.45),
  /** Only tasks in these, by the names that tasks have: `python`, `c`, `cpp`, `go`, `javascript`, …; default: all. */
  languages: z
    .array(
      z.string().refine((name) => normaliseLanguage(name) === name, {
        error: ({ input }) => `is called ${normaliseLanguage(String(input))} here`,
      }),
    )
    .min(1)
    .optional(),
  /** Licences whose rows are dropped. `cc-by-nc` stands for all that begin with it, `none` for rows of which none is known. */
  deny_licences: z.array(z.string().min(1)).default([]),
  /** Suites whose problems must not stand in the tasks. */
  decontaminate: z.array(z.string()).default([]),
  /** `2/8` keeps the second of eight equal parts of the tasks, after everything else: parts never overlap, and together are what a run without it has. */
  shard: shardSchema.optional(),
});
type Params = z.infer<typeof collectParams>;
type Context = StageContextOf<Params, never>;

/** Bad rows that are shown one by one; the rest is only counted (all of them stand in `dropped.jsonl`). */
const badRowsShown = 5;

/** Reads the sources into one list of tasks, without bad rows, duplicates and benchmark problems: each counted and kept aside. */
export const collect: SecpiStage<Params, never> = defineStage<Params, never, StageServices>({
  name: 'collect',
  version: 4,
  params: collectParams,
  inputs: [],
  seeded: isSampled,

  async pins({ params, services, files, signal }) {
    const sources = await pinSources(params.sources, { hub: services.hub, files, signal });
    return { sources, suites: await suitePins(params.decontaminate, services) };
  },

  async run(context) {
    const { params, output, services, signal, emit } = context;
    const tasks = await output.rows('tasks.jsonl');
    const dropped = await output.rows('dropped.jsonl');
    const contamination = await SuiteTexts.open(params.decontaminate, services);
    const judge = new Judge({ ...params, contamination });
    const reasons: Record<string, number> = {};
    const counts = { rows: 0, tasks: 0, dropped: 0 };
    let elsewhere = 0;

    for await (const row of allRows(context)) {
      signal.throwIfAborted();
      counts.rows += 1;
      const task = taskOf(row.fileRow, row.columns, sourceName(row.source));
      const reason = 'problem' in task ? reasonOf(task) : judge.reasonToDrop(task);
      if (reason !== undefined) {
        counts.dropped += 1;
        count(reasons, reason.code);
        await dropped.write(droppedRow(row, reason, task));
        if ('problem' in task) reportBadRow(row, task, (reasons.bad_row ?? 0) + (reasons.placeholder ?? 0), context);
      } else if (!('problem' in task) && (params.shard === undefined || isInShard(task, params.shard))) {
        counts.tasks += 1;
        await tasks.write(task);
      } else {
        elsewhere += 1;
      }
      if (counts.rows % 200 === 0) emit({ type: 'progress', done: counts.rows, unit: 'rows' });
    }
    if (counts.tasks === 0) throw noTasks({ rows: counts.rows, elsewhere }, reasons, params);
    emit({ type: 'progress', done: counts.rows, total: counts.rows, unit: 'rows' });
    return { counts: params.shard === undefined ? counts : { ...counts, in_other_shards: elsewhere }, reasons };
  },
});

function isSampled({ sources }: Params): boolean {
  return sources.some(({ sample }) => sample !== undefined);
}

function allRows(context: Context): AsyncIterable<RowOfSources> {
  const { params, work, services, signal, emit } = context;
  return rowsOfSources(
    params.sources,
    { hub: services.hub, folder: work.path('hub'), signal, seed: isSampled(params) ? context.seed : 0 },
    (message, level) => emit({ type: 'log', level, message }),
  );
}

function reasonOf({ code, problem }: NoTask): Reason {
  return { code, detail: problem, kept: null, similarity: null };
}

function droppedRow({ fileRow, file, source }: RowOfSources, reason: Reason, task: Task | NoTask): DroppedRow {
  const prompt = 'problem' in task ? null : task.prompt;
  return { schema: 1, source: sourceName(source), file: file.name, row: fileRow.row, ...reason, prompt };
}

function reportBadRow(row: RowOfSources, { problem }: NoTask, seen: number, { params, emit }: Context): void {
  const message = `${row.file.data.label}:${row.fileRow.row} ${problem}`;
  if (params.on_bad_row === 'stop') {
    throw new SecpiError('collect/bad-row', message, {
      hint: 'Mend the row, or set `collect.on_bad_row: skip` to count such rows and go on.',
    });
  }
  if (seen <= badRowsShown) emit({ type: 'log', level: 'warn', message: `skipped ${message}` });
  if (seen === badRowsShown + 1) emit({ type: 'log', level: 'warn', message: 'more bad rows are counted, not shown' });
}
