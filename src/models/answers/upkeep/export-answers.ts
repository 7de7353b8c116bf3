import { stat } from 'node:fs/promises';
import { fillDurably, replaceAtomically } from '../../../base/files/atomic-file.js';
import { type FillLines, writePacked } from '../format/packed-file.js';
import { isPacked } from '../format/scan-answers.js';
import type { ModelFolder } from '../model-folder.js';
import type { RecordingRow } from '../recording.js';
import { walkAnswers } from './walk-answers.js';

interface ExportedAnswers {
  readonly answers: number;
  readonly bytes: number;
  /** Answers that cannot be used, at least. */
  readonly damaged: number;
}

/**
 * Writes all answers of a model as a recording, in the order in which they were bought: packed if the name ends in `.gz`, else plain JSON
 * Lines. It appears whole, in the place of a file of that name. Throws the signal's reason and the file system's error.
 */
export async function exportAnswers(
  { path: folder, identity }: ModelFolder,
  path: string,
  signal: AbortSignal,
): Promise<ExportedAnswers> {
  let answers = 0;
  let damaged = 0;
  const fill: FillLines = async (add) => {
    for await (const walked of walkAnswers(folder)) {
      signal.throwIfAborted();
      if (walked.kind === 'damaged') damaged += walked.answers;
      if (walked.kind !== 'answer') continue;
      answers += 1;
      const row: RecordingRow = { ...walked.row, ...(identity === undefined ? {} : { identity }) };
      await add({ key: walked.line.key, text: JSON.stringify(row) });
    }
  };
  const write = isPacked(path) ? writePacked : writeLines;
  await replaceAtomically(path, (unfinished) => write(unfinished, fill));
  return { answers, bytes: (await stat(path)).size, damaged };
}

/** Lines are written in pieces of so many characters. */
const PIECE = 1024 * 1024;

async function writeLines(path: string, fill: FillLines): Promise<void> {
  await fillDurably(path, async (handle) => {
    let piece = '';
    await fill(async ({ text }) => {
      piece += `${text}\n`;
      if (piece.length < PIECE) return;
      await handle.appendFile(piece);
      piece = '';
    });
    await handle.appendFile(piece);
  });
}
