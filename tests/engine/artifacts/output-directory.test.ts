import { execFileSync } from 'node:child_process';
import { readFile, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { readLines } from '../../../src/base/files/read-lines.js';
import { expectedError } from '../../../src/base/files/system-error.js';
import { sha256 } from '../../../src/base/hash.js';
import { openOutputDirectory } from '../../../src/engine/artifacts/output-directory.js';
import { watchFaults } from '../../support/fault-points.js';
import { temporaryState } from '../fixtures/temporary-state.js';

const Row = z.object({ n: z.number() });
const noAdopting = () => Promise.reject(new Error('nothing to adopt'));

describe('openOutputDirectory', () => {
  it('writes texts, JSON and rows, and flushes what was left open', async () => {
    await using home = await temporaryState();
    const output = openOutputDirectory(home.folder, noAdopting);
    await output.text('deep/er/a.txt', 'ä');
    await output.json('b.json', { b: [1] });
    const rows = await output.rows('rows/r.jsonl');
    for (let n = 0; n < 3000; n += 1) await rows.write({ n, padding: 'x'.repeat(50) });
    await output.close();
    expect(await readFile(join(home.folder, 'deep/er/a.txt'), 'utf8')).toBe('ä');
    expect(await readFile(join(home.folder, 'b.json'), 'utf8')).toBe('{\n  "b": [\n    1\n  ]\n}\n');
    const lines = (await readFile(join(home.folder, 'rows/r.jsonl'), 'utf8')).trimEnd().split('\n');
    expect(lines.map((line) => Row.parse(JSON.parse(line)).n)).toEqual(Array.from({ length: 3000 }, (_, n) => n));
    await expect(rows.write({ n: 1 })).rejects.toThrow('write after close');
  });

  it('packs the rows of a file whose name says so, and they are the same', async () => {
    await using home = await temporaryState();
    const output = openOutputDirectory(home.folder, noAdopting);
    const names = ['r.jsonl', 'r.jsonl.gz'];
    for (const name of names) {
      const rows = await output.rows(name);
      for (let n = 0; n < 9000; n += 1) await rows.write({ n, padding: 'ü'.repeat(n % 50) });
    }
    await (await output.rows('none.jsonl.gz')).close();
    await output.close();
    const [plain, packed] = names.map((name) => join(home.folder, name));
    const text = await readFile(plain ?? '', 'utf8');
    expect(execFileSync('zcat', [packed ?? ''], { maxBuffer: 1e8 }).toString()).toBe(text);
    expect((await stat(packed ?? '')).size).toBeLessThan(text.length / 5);
    for await (const line of readLines(join(home.folder, 'none.jsonl.gz'))) expect.fail(line.text);
  });

  it('keeps to its folder', async () => {
    await using home = await temporaryState();
    const output = openOutputDirectory(home.folder, noAdopting);
    await expect(output.text('../out.txt', '')).rejects.toMatchObject({ code: 'engine/name-outside' });
    await expect(output.adopt('../out', home.folder)).rejects.toMatchObject({ code: 'engine/name-outside' });
    const away = { path: '../out', sha256: sha256(''), bytes: 0, at: { machine: 'gpu', path: '/x' } };
    expect(() => output.reference(away)).toThrow('does not name a file inside its folder');
  });

  it('reports a row file that cannot be written', async () => {
    await using home = await temporaryState();
    const output = openOutputDirectory(home.folder, noAdopting);
    await output.text('taken', '');
    const rows = await output.rows('taken');
    await expect(rows.close()).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(output.close()).rejects.toMatchObject({ code: 'EEXIST' });
  });

  it('does not go on writing behind a row that is torn, and names the file', async () => {
    await using home = await temporaryState();
    const output = openOutputDirectory(home.folder, noAdopting);
    const rows = await output.rows('rows.jsonl');
    {
      using _watch = await watchFaults(({ call }) => (call === 'write' ? { code: 'ENOSPC' } : 'none'));
      await rows.write({ n: 1 });
      await expect(rows.close()).rejects.toMatchObject({ code: 'ENOSPC', path: join(home.folder, 'rows.jsonl') });
    }
    await expect(output.close()).rejects.toMatchObject({ code: 'ENOSPC' });
  });

  it('names the text or JSON file that has no room left, which the system does not', async () => {
    await using home = await temporaryState();
    const output = openOutputDirectory(home.folder, noAdopting);
    // What is written to this device finds the disk full, for real.
    await symlink('/dev/full', join(home.folder, 'full'));
    for (const write of [() => output.text('full', 'text'), () => output.json('full', { n: 1 })]) {
      const error = await write().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'ENOSPC', syscall: 'write', path: join(home.folder, 'full') });
      expect(expectedError(error)).toMatchObject({
        code: 'files/no-space',
        message: `cannot write ${join(home.folder, 'full')}: there is no room left`,
      });
    }
  });

  it('says so too when the file was given up long before anybody asks', async () => {
    await using home = await temporaryState();
    const output = openOutputDirectory(home.folder, noAdopting);
    const rows = await output.rows('rows.jsonl');
    {
      using _watch = await watchFaults(({ call }) => (call === 'write' ? { code: 'EIO' } : 'none'));
      // Long enough to be handed over to the stream.
      await rows.write({ n: 1, padding: 'x'.repeat(100_000) });
      await sleep(50);
    }
    await expect(rows.write({ n: 2 })).rejects.toMatchObject({ code: 'EIO' });
    await expect(rows.close()).rejects.toMatchObject({ code: 'EIO' });
  });
});
