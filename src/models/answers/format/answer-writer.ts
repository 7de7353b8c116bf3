import { GroupCommit } from '../../../base/files/group-commit.js';
import { createForAppending } from '../../../base/files/new-file.js';
import { type FrameLine, frameGroups, packFrame } from './answer-frame.js';

/** A frame that was written, and where in it the lines are. */
export interface WrittenFrame {
  readonly start: number;
  readonly length: number;
  readonly unpacked: number;
  /** As in `answer-frame.ts`. */
  readonly entries: Buffer;
}

/** Appends answers to one file of frames. */
export interface AnswerWriter {
  /** Resolves once the answer is on the disk. Those that wait at the same time share a frame and an fsync. */
  append(line: FrameLine): Promise<void>;
  /** Waits for everything appended so far, then closes. Safe to call twice. */
  close(): Promise<void>;
}

interface AnswerWriterOptions {
  /** Called for each frame once it is on the disk, before `append` resolves for its lines. */
  readonly onWritten?: (frame: WrittenFrame) => void;
}

/** Makes a new file of frames. Nobody else writes to it. Throws EEXIST if there is one. */
export async function createAnswerWriter(path: string, options: AnswerWriterOptions = {}): Promise<AnswerWriter> {
  const handle = await createForAppending(path);
  let end = 0;
  let unwritten: WrittenFrame[] = [];
  const commits = new GroupCommit<FrameLine>({
    handle,
    path,
    durable: true,
    async encode(lines) {
      const frames = await Promise.all(frameGroups(lines).map(packFrame));
      unwritten = frames.map(({ length, unpacked, entries }) => {
        const start = end;
        end += length;
        return { start, length, unpacked, entries };
      });
      return Buffer.concat(frames.map(({ bytes }) => bytes));
    },
    onCommitted() {
      for (const frame of unwritten) options.onWritten?.(frame);
    },
  });
  return { append: (line) => commits.append(line), close: () => commits.close() };
}
