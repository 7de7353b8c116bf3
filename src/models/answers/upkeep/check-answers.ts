import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ModelFolder, segmentsIn } from '../model-folder.js';
import { walkAnswers } from './walk-answers.js';

/** What a model's folder holds. */
export interface CheckedAnswers {
  readonly files: number;
  readonly bytes: number;
  /** Those that can be used. */
  readonly answers: number;
  /** What they cost when they were bought. */
  readonly cost_usd: number;
  /** Further answers to questions that have one; compacting drops them. */
  readonly repeated: number;
  /** Answers that cannot be used, at least; they are bought again when somebody asks for them. */
  readonly damaged: number;
  /** Of those that can be used and those that are repeated, what stands behind a damaged list; compacting writes a new one. */
  readonly read_back: number;
  /** Bytes at the ends of files that belong to no answer: a process was killed there, or is still writing. */
  readonly unfinished_bytes: number;
}

/** Reads every answer of a model and says what is wrong. Changes nothing. Throws the signal's reason. */
export async function checkAnswers({ path }: ModelFolder, signal: AbortSignal): Promise<CheckedAnswers> {
  const files = await segmentsIn(path);
  let bytes = 0;
  for (const file of files) bytes += (await stat(join(path, file))).size;
  let cost = 0;
  const counts = { answers: 0, repeated: 0, damaged: 0, read_back: 0, unfinished_bytes: 0 };
  for await (const walked of walkAnswers(path)) {
    signal.throwIfAborted();
    switch (walked.kind) {
      case 'answer':
        counts.answers += 1;
        cost += walked.row.cost_usd ?? 0;
        break;
      case 'repeated':
        counts.repeated += 1;
        break;
      case 'damaged':
        counts.damaged += walked.answers;
        break;
      case 'read-back':
        counts.read_back += walked.answers;
        break;
      case 'unfinished':
        counts.unfinished_bytes += walked.bytes;
    }
  }
  return { files: files.length, bytes, cost_usd: cost, ...counts };
}
