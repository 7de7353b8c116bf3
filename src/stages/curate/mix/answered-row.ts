import { answerOf, type NoTask, taskOf } from '../../../datasets/columns/column-map.js';
import { valueAt } from '../../../datasets/columns/value-at.js';
import { sourceName } from '../../../datasets/sources/source.js';
import type { RowOfSources } from '../../../datasets/sources/source-rows.js';
import { splitThink } from '../../../models/asking/think.js';
import type { Answered } from '../filters/filter.js';

/** The task of a row with its reasoning and answer, or why it has none. Nobody said which weaknesses matter in it. */
export function answeredIn({
  fileRow,
  source,
  columns,
}: Pick<RowOfSources, 'fileRow' | 'source' | 'columns'>): Answered | NoTask {
  const read = taskOf(fileRow, columns, sourceName(source));
  if ('problem' in read) return read;
  const value = 'value' in fileRow ? fileRow.value : {};
  const task = { ...read, cwes: [] };
  const answer = answerOf(value, columns);
  if (answer === undefined) return { code: 'bad_row', problem: 'has no answer: name its column with `answer`' };
  if (columns.reasoning === undefined) {
    const { reasoning, content } = splitThink(answer);
    return { task, reasoning, answer: content };
  }
  const reasoning = valueAt(value, columns.reasoning) ?? null;
  if (reasoning !== null && typeof reasoning !== 'string')
    return { code: 'bad_row', problem: `column "${columns.reasoning}" is no text` };
  return { task, reasoning, answer };
}
