import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { prepareStateDirectory } from '../../src/engine/state-directory.js';
import { watchFaults } from '../support/fault-points.js';
import { temporaryState } from './fixtures/temporary-state.js';

describe('prepareStateDirectory', () => {
  it('makes what every run needs, and keeps it out of the repository of whoever works there', async () => {
    await using home = await temporaryState();
    await prepareStateDirectory(home.state);
    const folders = ['artifacts', 'locks', 'objects', 'runs', 'staging', 'work'];
    expect((await readdir(home.state.root)).sort()).toEqual(['.gitignore', ...folders]);
    expect(await readFile(join(home.state.root, '.gitignore'), 'utf8')).toBe('*\n');
  });

  it('leaves what somebody has written there himself', async () => {
    await using home = await temporaryState();
    await mkdir(home.state.root, { recursive: true });
    await writeFile(join(home.state.root, '.gitignore'), 'mine\n');
    await prepareStateDirectory(home.state);
    expect(await readFile(join(home.state.root, '.gitignore'), 'utf8')).toBe('mine\n');
  });

  it('says when it cannot write there', async () => {
    await using home = await temporaryState();
    using _watch = await watchFaults(({ path }) => (path.endsWith('.gitignore') ? { code: 'ENOSPC' } : 'none'));
    await expect(prepareStateDirectory(home.state)).rejects.toMatchObject({ code: 'ENOSPC' });
  });
});
