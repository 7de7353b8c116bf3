import { randomBytes } from 'node:crypto';
import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from '../../../base/files/durable-directory.js';
import { atPath } from '../../../base/files/system-code.js';
import type { FrameLine } from '../format/answer-frame.js';
import { writePacked } from '../format/packed-file.js';
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
  const unfinished = `${path}.${randomBytes(8).toString('hex')}.unfinished`;
  let answers = 0;
  let damaged = 0;
  const fill = async (add: (line: FrameLine) => Promise<void>): Promise<void> => {
    for await (const walked of walkAnswers(folder)) {
      signal.throwIfAborted();
      if (walked.kind === 'damaged') damaged += walked.answers;
      if (walked.kind !== 'answer') continue;
      answers += 1;
      const row: RecordingRow = { ...walked.row, ...(identity === undefined ? {} : { identity }) };
      await add({ key: walked.line.key, text: JSON.stringify(row) });
    }
  };
  try {
    await (isPacked(path) ? writePacked(unfinished, fill) : writeLines(unfinished, fill));
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => undefined);
    throw atPath(error, path);
  }
  await syncDirectory(dirname(path));
  return { answers, bytes: (await stat(path)).size, damaged };
}

/** Lines are written in pieces of so many characters. */
const PIECE = 1024 * 1024;

async function writeLines(path: string, fill: (add: (line: FrameLine) => Promise<void>) => Promise<void>) {
  const handle = await open(path, 'wx');
  try {
    let piece = '';
    await fill(async ({ text }) => {
      piece += `${text}\n`;
      if (piece.length < PIECE) return;
      await handle.appendFile(piece);
      piece = '';
    });
    await handle.appendFile(piece);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
