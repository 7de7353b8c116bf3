import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeJsonAtomic, writeTextAtomic } from '../../../src/base/files/atomic-file.js';
import { makeDirectory } from '../../../src/base/files/durable-directory.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'secpi-atomic-'));
});
afterAll(() => rm(folder, { recursive: true }));

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

  it('writes JSON that a person can read', async () => {
    const path = join(folder, 'value.json');
    await writeJsonAtomic(path, { b: 1, a: [true] });
    expect(await readFile(path, 'utf8')).toBe('{\n  "b": 1,\n  "a": [\n    true\n  ]\n}\n');
  });
});
