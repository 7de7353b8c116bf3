import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { HashMemo } from '../../../src/base/files/hash-memo.js';
import { sha256 } from '../../../src/base/hash.js';
import { findDamage, listFolder } from '../../../src/engine/artifacts/object.js';
import { watchFaults } from '../../support/fault-points.js';
import { commit } from '../fixtures/artifacts.js';
import { temporaryState } from '../fixtures/temporary-state.js';

const { signal } = new AbortController();
afterEach(() => vi.restoreAllMocks());

describe('listFolder', () => {
  it('sorts what it finds, so that every host agrees', async () => {
    await using home = await temporaryState();
    const names = Array.from({ length: 40 }, (_, n) => sha256(String(n)).slice(0, 8));
    for (const name of names) {
      await mkdir(join(home.folder, 'x', `d${name}`), { recursive: true });
      await writeFile(join(home.folder, 'x', `f${name}`), '');
      await symlink('nowhere', join(home.folder, 'x', `l${name}`));
    }
    const sorted = (letter: string) => names.map((name) => `${letter}${name}`).sort();
    const found = await listFolder(join(home.folder, 'x'));
    expect(found).toEqual({ files: sorted('f'), folders: sorted('d'), others: sorted('l') });
  });
});

describe('a file that goes away while it is looked at', () => {
  it.each([1, 2])('is missing, at look %i', async (look) => {
    await using home = await temporaryState();
    const { manifest } = await commit(home.state, { 'a.txt': 'text' });
    let looks = 0;
    using _watch = await watchFaults(
      ({ path }) => {
        if (!path.endsWith('/a.txt')) return 'none';
        looks += 1;
        return looks === look ? { code: 'ENOENT' } : 'none';
      },
      { looks: true },
    );
    const object = home.state.object(manifest.object);
    expect(await findDamage(object, manifest.outputs, HashMemo.fresh(), signal)).toBe('a.txt is missing');
  });
});

describe('bytes that are there already', () => {
  it('keep the hashes that are remembered of them: those of the new copy are of other files', async () => {
    await using home = await temporaryState();
    const { manifest } = await commit(home.state);
    const object = home.state.object(manifest.object);
    // As if it had been hashed long ago.
    const memo = HashMemo.fresh();
    vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 60_000);
    for (const { path } of manifest.outputs) await memo.hash(path, join(object, path), signal);
    await memo.save(home.state.hashes(manifest.object));
    const before = await readFile(home.state.hashes(manifest.object), 'utf8');
    await commit(home.state);
    expect(await readFile(home.state.hashes(manifest.object), 'utf8')).toBe(before);
  });
});
