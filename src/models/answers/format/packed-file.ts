import { open, rm } from 'node:fs/promises';
import { type FrameLine, fillsFrame, packFrame } from './answer-frame.js';

/**
 * Lets `fill` write a new file of frames. Resolves once it is on the disk; when anything fails, what was written is removed again.
 * Throws EEXIST if there is such a file.
 */
export async function writePacked(path: string, fill: (add: (line: FrameLine) => Promise<void>) => Promise<void>) {
  const handle = await open(path, 'wx');
  let lines: FrameLine[] = [];
  let characters = 0;
  const flush = async (): Promise<void> => {
    if (lines.length > 0) await handle.appendFile((await packFrame(lines)).bytes);
    lines = [];
    characters = 0;
  };
  try {
    try {
      await fill(async (line) => {
        if (fillsFrame(lines.length, characters + line.text.length)) await flush();
        lines.push(line);
        characters += line.text.length;
      });
      await flush();
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    await rm(path, { force: true }).catch(() => undefined);
    throw error;
  }
}
