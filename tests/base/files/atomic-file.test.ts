import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeDurably, writeJsonAtomic, writeTextAtomic } from '../../../src/base/files/atomic-file.js';
import { makeDirectory } from '../../../src/base/files/durable-directory.js';
import { watchFaults } from '../../support/fault-points.js';
import { openDescriptors } from '../fixtures/open-descriptors.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'secpi-atomic-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('writeDurably', () => {
  it('forces a new file to the disk and leaves nothing open', async () => {
    const path = join(folder, 'new');
    expect(await stepsOf(() => writeDurably(path, 'ä'))).toEqual(['create', 'write', 'sync']);
    expect(await readFile(path, 'utf8')).toBe('ä');
    expect(openDescriptors(path)).toBe(0);
    await expect(writeDurably(path, 'b')).rejects.toMatchObject({ code: 'EEXIST', path });
    expect(await readFile(path, 'utf8')).toBe('ä');
  });

  it('removes what it wrote in part, leaves nothing open, and says why, be it that nothing can be removed', async () => {
    const path = join(folder, 'partly');
    for (const failing of [['write'], ['sync'], ['write', 'remove']]) {
      {
        using _watch = await watchFaults(({ call }) =>
          failing.includes(call) ? { code: call === 'remove' ? 'EROFS' : 'EIO' } : 'none',
        );
        await expect(writeDurably(path, 'x')).rejects.toMatchObject({ code: 'EIO', path });
      }
      expect(openDescriptors(path)).toBe(0);
      expect(existsSync(path)).toBe(failing.includes('remove'));
    }
  });
});

describe('writeTextAtomic', () => {
  it('never shows a reader anything but a whole text, and leaves no temporary file', async () => {
    const inner = join(folder, 'a', 'b');
    await makeDirectory(inner);
    await makeDirectory(inner);
    const path = join(inner, 'file.txt');
    const texts = ['a'.repeat(200_000), 'b'.repeat(100_000), 'ü'];
    await writeTextAtomic(path, texts[0] ?? '');
    let writing = true;
    const reader = (async () => {
      while (writing) expect(texts).toContain(await readFile(path, 'utf8'));
    })();
    for (let turn = 0; turn < 30; turn += 1) await writeTextAtomic(path, texts[turn % texts.length] ?? '');
    writing = false;
    await reader;
    expect(await readdir(inner)).toEqual(['file.txt']);
  });

  it('leaves the old text and nothing else when it fails at any step', async () => {
    const inner = join(folder, 'failing');
    await makeDirectory(inner);
    const path = join(inner, 'file.txt');
    await writeTextAtomic(path, 'old');
    const steps = await stepsOf(() => writeTextAtomic(path, 'old'));
    expect(steps).toEqual(['create', 'write', 'sync', 'rename', 'sync']);
    for (const [index, call] of steps.entries()) {
      for (const code of ['ENOSPC', 'EIO']) {
        using watch = await watchFaults(({ number }) => (number === index + 1 ? { code } : 'none'));
        await expect(writeTextAtomic(path, 'new'), `${code} at ${call}`).rejects.toMatchObject({ code });
        expect(watch.points.length).toBeGreaterThan(index);
        expect(await readdir(inner)).toEqual(['file.txt']);
        // After the rename the new text is there; what failed is only the promise that it survives a power cut.
        expect(await readFile(path, 'utf8')).toBe(index < 4 ? 'old' : 'new');
        await writeFile(path, 'old');
      }
    }
  });

  it('needs no pid for its temporary name: two containers whose pid is 1 write to one folder', async () => {
    const inner = join(folder, 'shared');
    await makeDirectory(inner);
    const names = new Set<string>();
    using _watch = await watchFaults(({ call, path }) => {
      if (call === 'create') names.add(path);
      return 'none';
    });
    for (let turn = 0; turn < 20; turn += 1) await writeTextAtomic(join(inner, 'a'), 'x');
    expect(names.size).toBe(20);
    for (const name of names) expect(name).toMatch(/\/a\.[0-9a-f]{16}\.unfinished$/);
  });

  it('writes JSON that a person can read', async () => {
    const path = join(folder, 'value.json');
    await writeJsonAtomic(path, { b: 1, a: [true] });
    expect(await readFile(path, 'utf8')).toBe('{\n  "b": 1,\n  "a": [\n    true\n  ]\n}\n');
  });
});

async function stepsOf(work: () => Promise<unknown>): Promise<string[]> {
  using watch = await watchFaults(() => 'none');
  await work();
  return watch.points.map(({ call }) => call);
}
