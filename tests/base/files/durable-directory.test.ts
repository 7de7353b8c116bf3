import { existsSync } from 'node:fs';
import { readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeDirectory, makeFolder, syncDirectory } from '../../../src/base/files/durable-directory.js';
import { watchFaults } from '../../support/fault-points.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { openDescriptors } from '../fixtures/open-descriptors.js';

describe('syncDirectory', () => {
  it('forces the names in a folder to the disk and leaves nothing open', async () => {
    await using folder = await temporaryFolder();
    using watch = await watchFaults(() => 'none');
    await syncDirectory(folder.path);
    expect(watch.points).toMatchObject([{ call: 'sync', path: folder.path }]);
    expect(openDescriptors(folder.path)).toBe(0);
  });

  it.each(['EINVAL', 'EPERM', 'EACCES', 'EISDIR', 'ENOTSUP'])(
    'is content with a file system that cannot do that and says %s',
    async (code) => {
      await using folder = await temporaryFolder();
      using watch = await watchFaults(() => ({ code }));
      await syncDirectory(folder.path);
      expect(watch.points).toHaveLength(1);
      expect(openDescriptors(folder.path)).toBe(0);
    },
  );

  it('fails where the disk does, and says with which folder', async () => {
    await using folder = await temporaryFolder();
    using _watch = await watchFaults(() => ({ code: 'EIO' }));
    await expect(syncDirectory(folder.path)).rejects.toMatchObject({ code: 'EIO', path: folder.path });
    expect(openDescriptors(folder.path)).toBe(0);
    const missing = join(folder.path, 'missing');
    await expect(syncDirectory(missing)).rejects.toMatchObject({ code: 'ENOENT', path: missing });
  });
});

describe('makeDirectory', () => {
  it('forces each folder that it makes to the disk by the one above, and nothing where all are there', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'a', 'b', 'c');
    using watch = await watchFaults(() => 'none');
    await makeDirectory(path);
    expect(existsSync(path)).toBe(true);
    const synced = watch.points.filter(({ call }) => call === 'sync').map((point) => point.path);
    expect(synced).toEqual([join(folder.path, 'a', 'b'), join(folder.path, 'a'), folder.path]);
    const before = watch.points.length;
    await makeDirectory(path);
    expect(watch.points.slice(before).map(({ call }) => call)).toEqual(['mkdir']);
  });

  it('says what stands in the way', async () => {
    await using folder = await temporaryFolder();
    const file = await folder.write('file', '');
    await expect(makeDirectory(join(file, 'a', 'b'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });
});

describe('makeFolder', () => {
  it('makes the folders above as well, forces nothing to the disk, and is content with what is there', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'a', 'b');
    using watch = await watchFaults(() => 'none');
    makeFolder(path);
    makeFolder(path);
    expect(await readdir(join(folder.path, 'a'))).toEqual(['b']);
    expect(watch.points.map(({ call }) => call)).toEqual(['mkdir', 'mkdir']);
  });

  it('says which of the folders above could not be made, and why', async () => {
    await using folder = await temporaryFolder();
    const link = join(folder.path, 'link');
    await symlink(join(folder.path, 'nowhere'), link);
    expect(() => makeFolder(join(link, 'a', 'b'))).toThrow(expect.objectContaining({ code: 'EEXIST', path: link }));

    // Node's own answer for a folder in which nothing may be made.
    using watch = await watchFaults(({ number }) => ({ code: number === 1 ? 'ENOENT' : 'EROFS' }));
    const made = () => makeFolder(join(folder.path, 'a', 'b', 'c'));
    expect(made).toThrow(expect.objectContaining({ code: 'EROFS', path: join(folder.path, 'a') }));
    expect(watch.points).toHaveLength(2);
  });

  it('asks no second time where the reason is known', async () => {
    await using folder = await temporaryFolder();
    using watch = await watchFaults(({ number }) => ({ code: number === 1 ? 'EDQUOT' : 'EROFS' }));
    expect(() => makeFolder(join(folder.path, 'a'))).toThrow(expect.objectContaining({ code: 'EDQUOT' }));
    expect(watch.points).toHaveLength(1);
  });

  it('passes on what Node said where the folder can be made after all', async () => {
    await using folder = await temporaryFolder();
    using _watch = await watchFaults(({ number }) => (number === 1 ? { code: 'ENOENT' } : 'none'));
    expect(() => makeFolder(join(folder.path, 'a'))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });
});
