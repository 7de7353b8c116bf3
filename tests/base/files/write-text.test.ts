import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { appendText, writeText } from '../../../src/base/files/write-text.js';
import { watchFaults } from '../../support/fault-points.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

describe('writeText and appendText', () => {
  it('write in the place of what is there, or behind it', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'file');
    await appendText(path, 'a long first text\n');
    await writeText(path, 'ä');
    await appendText(path, 'b');
    expect(await readFile(path, 'utf8')).toBe('äb');
  });

  it.each([
    ['writeText', writeText],
    ['appendText', appendText],
  ])('say with which file %s failed', async (_name, write) => {
    await expect(write('/dev/full', 'x')).rejects.toMatchObject({ code: 'ENOSPC', path: '/dev/full' });
    using _watch = await watchFaults(() => ({ code: 'EDQUOT' }));
    await expect(write('/dev/null', 'x')).rejects.toMatchObject({ code: 'EDQUOT', path: '/dev/null' });
  });
});
