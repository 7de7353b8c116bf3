import { type FileHandle, open } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBytes } from '../../../src/base/files/read-bytes.js';
import { watchFaults } from '../../support/fault-points.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const text = 'zero one two three four five';

describe('readBytes', () => {
  it('gives a piece of a file, all of it, however little the system gives at a time', async () => {
    await using folder = await temporaryFolder();
    await using handle = await open(await folder.write('file', text), 'r');
    const read = handle.read.bind(handle) as (...args: unknown[]) => unknown;
    await fc.assert(
      fc.asyncProperty(fc.nat(30), fc.nat(30), fc.integer({ min: 1, max: 30 }), async (start, length, atMost) => {
        const miserly = {
          read: (buffer: Buffer, offset: number, wanted: number, position: number) =>
            read(buffer, offset, Math.min(wanted, atMost), position),
        } as unknown as FileHandle;
        expect(await readBytes(miserly, { start, length })).toBe(text.slice(start, start + length));
      }),
    );
  });

  it('asks once where the system gives all at once, and not for nothing', async () => {
    await using folder = await temporaryFolder();
    await using handle = await open(await folder.write('file', text), 'r');
    using watch = await watchFaults(() => 'none', { looks: true });
    expect(await readBytes(handle, { start: 5, length: 3 })).toBe('one');
    expect(watch.points).toHaveLength(1);
    expect(await readBytes(handle, { start: 5, length: 0 })).toBe('');
    expect(watch.points).toHaveLength(1);
  });
});
