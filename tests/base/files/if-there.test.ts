import { lstat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exists, ifThere, readIfThere } from '../../../src/base/files/if-there.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

describe('what may be missing', () => {
  it('is undefined where nothing is there', async () => {
    await using folder = await temporaryFolder();
    const missing = join(folder.path, 'missing');
    expect(await ifThere(lstat(missing))).toBeUndefined();
    expect(await readIfThere(missing)).toBeUndefined();
    expect(await exists(missing)).toBe(false);
  });

  it('is found where it is there, and a link without a target is a name all the same', async () => {
    await using folder = await temporaryFolder();
    const file = await folder.write('file', 'ä');
    const link = join(folder.path, 'link');
    await symlink(join(folder.path, 'missing'), link);
    expect((await ifThere(lstat(file)))?.size).toBe(2);
    expect(await readIfThere(file)).toBe('ä');
    for (const path of [folder.path, file, link]) expect(await exists(path)).toBe(true);
    expect(await readIfThere(link)).toBeUndefined();
  });

  it('is no absence where one could not look', async () => {
    await using folder = await temporaryFolder();
    const below = join(await folder.write('file', ''), 'below');
    await expect(exists(below)).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(readIfThere(below)).rejects.toMatchObject({ code: 'ENOTDIR', path: below });
    // Of an open file the system does not say which it is.
    await expect(readIfThere(folder.path)).rejects.toMatchObject({ code: 'EISDIR', path: folder.path });
  });
});
