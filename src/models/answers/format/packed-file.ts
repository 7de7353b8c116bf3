import { fillDurably } from '../../../base/files/atomic-file.js';
import { type FrameLine, fillsFrame, packFrame } from './answer-frame.js';

/** Gives lines away one by one, in their order. */
export type FillLines = (add: (line: FrameLine) => Promise<void>) => Promise<void>;

/**
 * Lets `fill` write a new file of frames. Resolves once it is on the disk; when anything fails, what was written is removed again.
 * Throws EEXIST if there is such a file.
 */
export async function writePacked(path: string, fill: FillLines): Promise<void> {
  await fillDurably(path, async (handle) => {
    let lines: FrameLine[] = [];
    let characters = 0;
    const flush = async (): Promise<void> => {
      if (lines.length > 0) await handle.appendFile((await packFrame(lines)).bytes);
      lines = [];
      characters = 0;
    };
    await fill(async (line) => {
      if (fillsFrame(lines.length, characters + line.text.length)) await flush();
      lines.push(line);
      characters += line.text.length;
    });
    await flush();
  });
}
