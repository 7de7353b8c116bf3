import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { syncFile } from '../../../src/base/files/sync-file.js';
import { watchFaults } from '../../support/fault-points.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { openDescriptors } from '../fixtures/open-descriptors.js';

describe('syncFile', () => {
  it('forces a file to the disk, gives its size, and leaves its mode alone', async () => {
    await using folder = await temporaryFolder();
    const path = await folder.write('file', 'ä€');
    const { mode } = await stat(path);
    using watch = await watchFaults(() => 'none');
    expect(await syncFile(path)).toBe(5);
    expect(watch.points).toMatchObject([{ call: 'sync', path }]);
    expect((await stat(path)).mode).toBe(mode);
    expect(openDescriptors(path)).toBe(0);
  });

  it('sets a mode before that, so that it outlives a power cut too', async () => {
    await using folder = await temporaryFolder();
    const path = await folder.write('file', '');
    using watch = await watchFaults(() => 'none');
    expect(await syncFile(path, 0o440)).toBe(0);
    expect(watch.points.map(({ call }) => call)).toEqual(['chmod', 'sync']);
    expect((await stat(path)).mode & 0o777).toBe(0o440);
  });

  it('fails as the file system does, and says with which file', async () => {
    await using folder = await temporaryFolder();
    const path = await folder.write('file', '');
    const missing = join(folder.path, 'missing');
    await expect(syncFile(missing)).rejects.toMatchObject({ code: 'ENOENT', path: missing });
    for (const failing of ['chmod', 'sync']) {
      using _watch = await watchFaults(({ call }) => (call === failing ? { code: 'EIO' } : 'none'));
      await expect(syncFile(path, 0o400)).rejects.toMatchObject({ code: 'EIO', path });
      expect(openDescriptors(path)).toBe(0);
    }
  });
});
