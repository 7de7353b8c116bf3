import { readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeTime, isValid, ulid } from 'ulid';
import { syncDirectory } from '../../../base/files/durable-directory.js';
import { writePacked } from '../format/packed-file.js';
import { isPacked, scanAnswers } from '../format/scan-answers.js';
import { type ModelFolder, PACKED, segmentsIn } from '../model-folder.js';
import { leaveSegment, refuseWhileOwned } from '../segment-owner.js';
import { walkAnswers } from './walk-answers.js';

/** What became of a model's files. */
interface Compacted {
  readonly files: number;
  readonly bytes: number;
  readonly bytes_before: number;
  readonly answers: number;
  /** Files with damaged answers: kept under names that nobody reads. */
  readonly set_aside: readonly string[];
}

/** What the name of a file ends in that is not whole yet. */
const UNFINISHED = '.compacting';
/** What the name of a file ends in that holds what nobody can use. */
const DAMAGED = '.damaged';
/** Frames that are emptier on average were written one answer at a time. */
const WELL_FILLED_BYTES = 64 * 1024;

/**
 * Puts one well packed file in the place of all of a model's: each answer once, in the order of purchase. Processes that read find them
 * again. Gives `undefined` when there is nothing to gain. Whenever it is cut off, no answer is lost. Throws `store/in-use` while a process
 * adds to one of the files, the signal's reason and the file system's error.
 */
export async function compactAnswers({ path }: ModelFolder, signal: AbortSignal): Promise<Compacted | undefined> {
  const before = await segmentsIn(path);
  const [oldest] = before;
  if (oldest === undefined || (await isCompact(path, before))) return undefined;
  // Not before the list is made: who begins to add from then on makes a file that is not on it, and stays.
  for (const name of before) await refuseWhileOwned(join(path, name));
  for (const name of await readdir(path)) if (name.endsWith(UNFINISHED)) await rm(join(path, name));
  const damaged = new Set<string>();
  let answers = 0;
  const target = join(path, `${nameLike(oldest)}${PACKED}`);
  const unfinished = `${target}${UNFINISHED}`;
  await writePacked(unfinished, async (add) => {
    for await (const walked of walkAnswers(path)) {
      signal.throwIfAborted();
      if (walked.kind === 'damaged') damaged.add(walked.segment);
      if (walked.kind !== 'answer') continue;
      answers += 1;
      await add(walked.line);
    }
  });
  let bytesBefore = 0;
  for (const name of before) bytesBefore += (await stat(join(path, name))).size;
  await rename(unfinished, target);
  await syncDirectory(path);
  // Newest first: cut off in between, what is left of two answers to one request is the older one all the same.
  for (const name of before.toReversed()) {
    await leaveSegment(join(path, name));
    if (damaged.has(name)) await rename(join(path, name), join(path, `${name}${DAMAGED}`));
    else await rm(join(path, name));
  }
  await syncDirectory(path);
  const { size } = await stat(target);
  return { files: before.length, bytes: size, bytes_before: bytesBefore, answers, set_aside: [...damaged] };
}

/** Sorts where the oldest file did, so that of two answers to one request the same one counts as before. */
function nameLike(oldest: string): string {
  const id = oldest.slice(0, oldest.indexOf('.'));
  return isValid(id) ? ulid(decodeTime(id)) : ulid();
}

async function isCompact(folder: string, segments: readonly string[]): Promise<boolean> {
  const [only = ''] = segments;
  if (segments.length > 1 || !isPacked(only)) return false;
  let frames = 0;
  let unpacked = 0;
  for await (const stretch of scanAnswers(join(folder, only))) {
    if (stretch.kind !== 'frame' || stretch.readBack === true) return false;
    frames += 1;
    unpacked += stretch.unpacked;
  }
  return frames <= 1 || unpacked / frames >= WELL_FILLED_BYTES;
}
