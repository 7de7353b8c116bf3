import { SecpiError } from '../../../base/errors.js';
import { rowsForGuess } from '../../../datasets/columns/guess-columns.js';
import { sourceName } from '../../../datasets/sources/source.js';
import { chooseColumns, firstRows } from '../../../datasets/sources/source-rows.js';
import type { Hub } from '../../../hub/hub.js';
import { answeredIn } from './answered-row.js';
import type { MixParams } from './params.js';

/** Looks at the beginning of each source of a mix: a wrong name is better found before a teacher wrote for days than after. */
export async function mixIsThere({ sources }: MixParams, hub: Hub, signal: AbortSignal): Promise<void> {
  for (const source of sources) {
    const rows = await firstRows(source, { hub, folder: undefined, signal }, rowsForGuess);
    const { columns } = chooseColumns(source, rows);
    const answered = rows.map((fileRow) => answeredIn({ fileRow, source, columns }));
    if (answered.some((one) => !('problem' in one))) continue;
    const [first] = answered.flatMap((one) => ('problem' in one ? one.problem : []));
    const problem = first === undefined ? 'it has no rows' : `the first ${first}`;
    throw new SecpiError(
      'curate/mix-without-answers',
      `none of the first ${rowsForGuess} rows of ${sourceName(source)} is a task with an answer: ${problem}`,
      {
        hint: 'Look at the rows with `secpi data peek`, and name `prompt` and `answer` of the source under `curate.mix`.',
      },
    );
  }
}
