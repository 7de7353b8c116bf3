import { mkdir, readdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { copyBytes, copyTree, moveTree } from '../../../src/base/files/copy.js';
import { watchFaults } from '../../support/fault-points.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { openDescriptors } from '../fixtures/open-descriptors.js';

const { signal } = new AbortController();
const MIB = 1024 * 1024;

/** Streamed, as on a file system that cannot share blocks. */
const streamed = { code: 'ENOTSUP' } as const;

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

  it('copies a single file into folders that are not there yet', async () => {
    await using folder = await temporaryFolder();
    const from = await folder.write('from', 'aaaa');
    const to = join(folder.path, 'deep', 'er', 'to');
    await copyTree(from, to, signal);
    expect(await readFile(to, 'utf8')).toBe('aaaa');
  });
});

describe('copyBytes', () => {
  it('never writes over anything', async () => {
    await using folder = await temporaryFolder();
    const from = await folder.write('from', 'aaaa');
    const taken = await folder.write('taken', 'mine');
    await expect(copyBytes(from, taken, signal)).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await readFile(taken, 'utf8')).toBe('mine');
  });

  it('begins nothing for a signal that is aborted already', async () => {
    await using folder = await temporaryFolder();
    const from = await folder.write('from', 'aaaa');
    using watch = await watchFaults(() => 'none');
    await expect(copyBytes(from, `${from}-to`, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
    expect(watch.points).toEqual([]);
  });

  it('leaves no half copy when it is stopped', async () => {
    await using folder = await temporaryFolder();
    const from = await folder.write('from', '');
    await truncate(from, 64 * MIB);
    const to = join(folder.path, 'to');
    const controller = new AbortController();
    using watch = await watchFaults(({ call }) => {
      if (call === 'write') controller.abort(new Error('enough'));
      return call === 'copy' ? streamed : 'none';
    });
    await expect(copyBytes(from, to, controller.signal)).rejects.toThrow('enough');
    expect(watch.points.map(({ call }) => call)).toEqual(['copy', 'create', 'write', 'remove']);
    expect(await readdir(folder.path)).toEqual(['from']);
    expect(openDescriptors(to)).toBe(0);
  });

  it('copies in large pieces, and forces no more to the disk at once than a person waits for after Ctrl-C', async () => {
    await using folder = await temporaryFolder();
    const from = await folder.write('from', '');
    await truncate(from, 200 * MIB);
    const to = join(folder.path, 'to');
    const calls: string[] = [];
    using _watch = await watchFaults(({ call }) => {
      calls.push(call);
      // So that nothing of it is really waited for.
      return call === 'copy' ? streamed : call === 'sync' ? { code: 'EIO' } : 'none';
    });
    await expect(copyBytes(from, to, signal)).rejects.toMatchObject({ code: 'EIO', path: to });
    expect(calls).toEqual(['copy', 'create', ...Array.from({ length: 128 }, () => 'write'), 'sync', 'remove']);
    expect(await readdir(folder.path)).toEqual(['from']);
  });

  it('says which of the two files failed, be it that nothing can be removed', async () => {
    await using folder = await temporaryFolder();
    const from = await folder.write('from', 'aaaa');
    const to = join(folder.path, 'to');
    const missing = join(folder.path, 'missing');
    await expect(copyBytes(missing, to, signal)).rejects.toMatchObject({ code: 'ENOENT', path: missing });
    await expect(copyBytes(from, join(missing, 'to'), signal)).rejects.toMatchObject({
      code: 'ENOENT',
      path: join(missing, 'to'),
    });
    expect(await readdir(folder.path)).toEqual(['from']);
    for (const failing of ['read', 'write']) {
      using _watch = await watchFaults(
        ({ call }) => {
          if (call === 'copy') return streamed;
          return call === failing ? { code: 'EIO' } : call === 'remove' ? { code: 'EROFS' } : 'none';
        },
        { looks: true },
      );
      const half = `${to}-${failing}`;
      const path = failing === 'read' ? from : half;
      await expect(copyBytes(from, half, signal)).rejects.toMatchObject({ code: 'EIO', path });
      expect(openDescriptors(half)).toBe(0);
    }
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

  it('copies nothing where the rename failed for another reason', async () => {
    await using folder = await temporaryFolder();
    const from = await folder.write('from', 'aaaa');
    using _watch = await watchFaults(({ call }) => (call === 'rename' ? { code: 'EROFS' } : 'none'));
    await expect(moveTree(from, join(folder.path, 'to'), signal)).rejects.toMatchObject({ code: 'EROFS' });
    expect(await readdir(folder.path)).toEqual(['from']);
  });
});
