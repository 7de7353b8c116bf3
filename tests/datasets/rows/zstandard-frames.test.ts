import { describe, expect, it } from 'vitest';
import { ZstandardFrames } from '../../../src/datasets/rows/zstandard-frames.js';
import { countedFile, rowsOf } from './fixtures.js';

const MIB = 2 ** 20;
const magic = [0x28, 0xb5, 0x2f, 0xfd];
const row = Buffer.from('{"prompt":"Sort a list."}\n');

/** The last block of a frame, with a row in it as it is; before it one that is empty, and one that repeats a byte. */
const blocks = Buffer.concat([
  Buffer.from([0, 0, 0, (7 << 3) | 2, 0, 0, 0x20]),
  Buffer.from([(row.length << 3) | 1, 0, 0]),
  row,
]);
const frame = (...header: readonly number[]) => Buffer.concat([Buffer.from([...magic, ...header]), blocks]);
/** Windows of 64 KiB, 128 MiB, 144 MiB and 2 GiB less an eighth. */
const [small, largest, tooLarge, huge] = [0x30, 0x88, 0x89, 0xa7] as const;
const withChecksum = Buffer.concat([frame(0x04, small), Buffer.from([1, 2, 3, 4])]);
const skipped = Buffer.concat([Buffer.from([0x5f, 0x2a, 0x4d, 0x18, 6, 0, 0, 0]), Buffer.from([...magic, 0, huge])]);
/** All of it one segment, of which the header tells the size: 56 bytes. */
const inOne = frame(0x20, 7 + row.length);
const fourGib = frame(0xe0, 0, 0, 0, 0, 1, 0, 0, 0);

const cases = [
  ['the first frame', frame(0, huge), 1920],
  ['just too large', frame(0, tooLarge), 144],
  ['a later frame', Buffer.concat([frame(0, small), frame(0, huge)]), 1920],
  [
    'behind a checksum, one segment and what is skipped',
    Buffer.concat([withChecksum, inOne, skipped, frame(0, huge)]),
    1920,
  ],
  ['one segment', fourGib, 4096],
] as const;

describe('a packed file that wants too much memory', () => {
  it('is refused before any is set aside, wherever the frame stands', async () => {
    const before = process.memoryUsage().arrayBuffers;
    for (const [, content, mib] of cases) {
      await expect(rowsOf(countedFile('a.jsonl.zst', content))).rejects.toMatchObject({
        code: 'datasets/large-window',
        message: `org/tasks/a.jsonl.zst wants ${mib} MiB of memory to be unpacked; 128 MiB are the most`,
      });
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * MIB);
  });

  it('is none when it wants what zstd grants, or only holds such bytes', async () => {
    const content = Buffer.concat([withChecksum, skipped, inOne, frame(0, largest)]);
    expect((await rowsOf(countedFile('a.jsonl.zst', content))).map(({ row }) => row)).toEqual([1, 2, 3]);
  });
});

describe('ZstandardFrames', () => {
  it('sees the same however the bytes are cut', () => {
    for (const [, content, mib] of cases) {
      for (const size of [1, 2, 3, 7, content.length]) {
        const frames = new ZstandardFrames();
        let largest = 0;
        for (let at = 0; at < content.length; at += size)
          largest = Math.max(largest, frames.follow(content.subarray(at, at + size)));
        expect(largest).toBe(mib * MIB);
      }
    }
  });
});
