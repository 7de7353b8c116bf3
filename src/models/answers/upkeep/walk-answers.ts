import { join } from 'node:path';
import type { AnswerRow } from '../answer-row.js';
import { type FrameLine, listedLines } from '../format/answer-frame.js';
import { AnswerIndex } from '../format/answer-index.js';
import { AnswerReader, rowOf } from '../format/answer-reader.js';
import { scanAnswers } from '../format/scan-answers.js';
import { segmentsIn } from '../model-folder.js';

/** What stands in the files of one model, one after the other. */
type Walked =
  | { readonly kind: 'answer'; readonly segment: string; readonly line: FrameLine; readonly row: AnswerRow }
  /** One that an older file, or an earlier line, has already. */
  | { readonly kind: 'repeated'; readonly segment: string }
  /** Of so many answers at least nothing can be used. */
  | { readonly kind: 'damaged'; readonly segment: string; readonly answers: number }
  /** So many answers of those before stand behind a damaged list, and were read all the same. */
  | { readonly kind: 'read-back'; readonly segment: string; readonly answers: number }
  /** What a process that was killed, or is still at work, has left at the end of its file. */
  | { readonly kind: 'unfinished'; readonly segment: string; readonly bytes: number };

/**
 * Reads all answers of a model's folder, each whole and checked, oldest file first; of those to one request the first that can be
 * used. Memory is that of an index.
 */
export async function* walkAnswers(folder: string): AsyncGenerator<Walked> {
  await using reader = new AnswerReader();
  const seen = new AnswerIndex();
  const frame = seen.addFrame({ file: 0, start: 0, length: 0, unpacked: 0 });
  for (const segment of await segmentsIn(folder)) {
    const path = join(folder, segment);
    const file = reader.addFile(path);
    for await (const stretch of scanAnswers(path)) {
      if (stretch.kind === 'unfinished') yield { kind: 'unfinished', segment, bytes: stretch.length };
      if (stretch.kind === 'damaged') yield { kind: 'damaged', segment, answers: 1 };
      if (stretch.kind !== 'frame') continue;
      const { start, length, unpacked, entries } = stretch;
      let damaged = 0;
      let usable = 0;
      for (const { key, ...line } of listedLines(entries)) {
        const text = await reader.line({ frame: { file, start, length, unpacked }, ...line });
        const row = text === undefined ? undefined : rowOf(key, text);
        if (text === undefined || row === undefined) {
          damaged += 1;
          continue;
        }
        usable += 1;
        if (seen.add(key, frame, 0, 0)) yield { kind: 'answer', segment, line: { key, text: text.trimEnd() }, row };
        else yield { kind: 'repeated', segment };
      }
      if (damaged > 0) yield { kind: 'damaged', segment, answers: damaged };
      if (stretch.readBack === true) yield { kind: 'read-back', segment, answers: usable };
    }
  }
}
