import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { copyBytes, copyTree, moveTree } from '../../../src/base/files/copy.js';
import { watchFaults } from '../../support/fault-points.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const { signal } = new AbortController();

describe('copyTree', () => {
  it('copies a folder that stands alone afterwards: links become what they point to', async () => {
    await using folder = await temporaryFolder();
    const at = (name: string) => join(folder.path, name);
    await mkdir(at('from/inner'), { recursive: true });
    await writeFile(at('from/inner/a'), 'aaaa');
    await writeFile(at('elsewhere'), 'linked');
    await symlink(at('elsewhere'), at('from/b'));
    await copyTree(at('from'), at('to'), signal);
    await writeFile(at('elsewhere'), 'changed');
    expect(await readFile(at('to/inner/a'), 'utf8')).toBe('aaaa');
    expect(await readFile(at('to/b'), 'utf8')).toBe('linked');
  });

  it('never writes over anything, and leaves no half copy when it is stopped', async () => {
    await using folder = await temporaryFolder();
    const at = (name: string) => join(folder.path, name);
    await writeFile(at('from'), Buffer.alloc(64 * 1024 * 1024));
    await writeFile(at('taken'), 'mine');
    await expect(copyBytes(at('from'), at('taken'), signal)).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await readFile(at('taken'), 'utf8')).toBe('mine');
    const controller = new AbortController();
    // Streamed, as on a file system that cannot share blocks.
    using _watch = await watchFaults(({ call }) => (call === 'copy' ? { code: 'ENOTSUP' } : 'none'));
    const copying = copyBytes(at('from'), at('to'), controller.signal);
    setTimeout(() => controller.abort(new Error('enough')), 5);
    await expect(copying).rejects.toThrow('enough');
    expect((await readdir(folder.path)).sort()).toEqual(['from', 'taken']);
  });
});

describe('moveTree', () => {
  it('renames, and copies only from one file system to another', async () => {
    await using folder = await temporaryFolder();
    const at = (name: string) => join(folder.path, name);
    await mkdir(at('from'));
    await writeFile(at('from/a'), 'aaaa');
    {
      using watch = await watchFaults(() => 'none');
      await moveTree(at('from'), at('deep/to'), signal);
      expect(watch.points.map(({ call }) => call)).toEqual(['mkdir', 'rename']);
    }
    expect(await readdir(folder.path)).toEqual(['deep']);
    using _watch = await watchFaults(({ call }) => (call === 'rename' ? { code: 'EXDEV' } : 'none'));
    await moveTree(at('deep/to'), at('other'), signal);
    expect(await readFile(at('other/a'), 'utf8')).toBe('aaaa');
    // What could not be moved in one step stays: whoever is interrupted loses nothing.
    expect(await readFile(at('deep/to/a'), 'utf8')).toBe('aaaa');
  });
});
