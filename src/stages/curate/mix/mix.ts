import { SecpiError } from '../../../base/errors.js';
import { sha256 } from '../../../base/hash.js';
import { isDenied } from '../../../datasets/columns/licence.js';
import { sourceName } from '../../../datasets/sources/source.js';
import { type RowOfSources, rowsOfSources } from '../../../datasets/sources/source-rows.js';
import { taskId } from '../../../datasets/task.js';
import { count } from '../../asking.js';
import type { StageContextOf } from '../../services.js';
import type { CurateStageParams } from '../params.js';
import type { DroppedMixRow, MixCount, Sample } from '../records.js';
import { sampleOf } from '../sift.js';
import { answeredIn } from './answered-row.js';
import { Draw } from './draw.js';
import { type MixSieve, objectionTo } from './objection.js';
import type { OwnTasks } from './own-tasks.js';
import type { MixParams } from './params.js';

type Context = Omit<StageContextOf<CurateStageParams, never>, 'inputs'>;
type Dropped = Pick<DroppedMixRow, 'code' | 'detail'>;

export interface MixOptions {
  /** Samples that the mix comes beside. */
  readonly others: number;
  /** What they were asked. */
  readonly tasks: OwnTasks;
  readonly sieve: Pick<MixSieve, 'contamination' | 'on'>;
  readonly onSample: (sample: Sample) => Promise<void>;
}

/** Rows that make a share of all samples, beside so many others: as near to it as whole numbers come. */
export function mixSize(share: number, others: number): number {
  return Math.round((others * share) / (1 - share));
}

/**
 * Adds ordinary samples. The sources are read twice, so that no text has to be kept: once to draw rows, once for those that are drawn. A filter
 * looks only at rows whose turn may come: a large source costs little more than reading it.
 *
 * Throws `curate/mix-too-small` when not enough rows are fit to train on: whoever asks for a share shall not get less without a word.
 */
export async function addMix(context: Context, mix: MixParams, options: MixOptions): Promise<MixCount> {
  const { params, output, signal, emit } = context;
  const size = mixSize(mix.share, options.others);
  const dropped = await output.rows('mix-dropped.jsonl');
  const draw = new Draw(size);
  // No length is usual among rows of which only some are looked at.
  const sieve = { ...options.sieve, params, usualLength: new Map<string, number>() };
  const reasons: Record<string, number> = {};
  const by_language: Record<string, number> = {};
  let [rows, samples, read] = [0, 0, 0];

  const reasonToDrop = async (row: RowOfSources, number: number): Promise<Dropped | undefined> => {
    const answered = answeredIn(row);
    if ('problem' in answered) return { code: answered.code, detail: answered.problem };
    const { prompt, licence } = answered.task;
    if (isDenied(licence, mix.deny_licences ?? []))
      return { code: 'denied_licence', detail: `${licence ?? 'no licence'} is among deny_licences` };
    const key = sha256(`${context.seed} ${taskId(prompt, '')}`);
    const state = draw.stateOf(key);
    if (state === 'late') return undefined;
    if (state === 'taken') return { code: 'duplicate', detail: 'its task stands further up' };
    const alike = options.tasks.objectionTo(prompt);
    if (alike !== undefined) return alike;
    const objection = await objectionTo(answered, sampleOf(answered), sieve);
    if (objection === undefined) draw.put(key, number);
    return objection;
  };

  for await (const row of size === 0 ? [] : rowsOf(context, mix, true)) {
    signal.throwIfAborted();
    const reason = await reasonToDrop(row, rows);
    rows += 1;
    if (reason !== undefined) {
      count(reasons, reason.code);
      await dropped.write(droppedOf(row, reason));
    }
    if (rows % 200 === 0) emit({ type: 'progress', done: rows, unit: 'rows of the mix' });
  }
  const { drawn } = draw;
  if (drawn.size < size) throw tooSmall(mix, options.others, { drawn: drawn.size, rows, reasons });

  for await (const row of size === 0 ? [] : rowsOf(context, mix, false)) {
    signal.throwIfAborted();
    if (!drawn.has(read++)) continue;
    const answered = answeredIn(row);
    if ('problem' in answered) throw new TypeError('a row is no other when it is read again');
    samples += 1;
    count(by_language, answered.task.language);
    await options.onSample(sampleOf(answered));
    if (samples === drawn.size) break;
  }
  return { share: mix.share, rows, samples, by_language, dropped: reasons };
}

function rowsOf({ work, services, signal, seed, emit }: Context, mix: MixParams, isFirst: boolean) {
  const folder = work.path('hub');
  return rowsOfSources(mix.sources, { hub: services.hub, folder, signal, seed }, (message, level) => {
    if (isFirst) emit({ type: 'log', level, message });
  });
}

function droppedOf({ fileRow, file, source }: RowOfSources, reason: Dropped): DroppedMixRow {
  return { schema: 1, source: sourceName(source), file: file.name, row: fileRow.row, ...reason };
}

function tooSmall(
  { share }: MixParams,
  others: number,
  { drawn, rows, reasons }: { readonly drawn: number; readonly rows: number; readonly reasons: MixCount['dropped'] },
): SecpiError {
  const why = Object.entries(reasons)
    .sort(([, one], [, other]) => other - one)
    .map(([reason, times]) => `${times} × ${reason}`);
  const message = `a share of ${share} beside ${others} samples takes ${mixSize(share, others)} rows of the mix, and of ${rows} ${drawn} are fit to train on${why.length === 0 ? '' : ` (dropped: ${why.join(', ')})`}`;
  const possible = Math.floor((1000 * drawn) / (drawn + others)) / 1000;
  const less = possible > 0 ? `, or take what there is: \`share: ${possible}\`` : '';
  const column = (reasons.think_missing ?? 0) > 0 ? ' If reasoning has a column of its own, name it: `reasoning`.' : '';
  return new SecpiError('curate/mix-too-small', message, {
    hint: `Add sources or raise \`limit\` under \`curate.mix\`${less}.${column}`,
  });
}
