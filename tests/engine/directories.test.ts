import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { openOutputDirectory } from '../../src/engine/artifacts/output-directory.js';
import { hasWork, openWorkDirectory } from '../../src/engine/work-directory.js';
import { temporaryState } from './fixtures/temporary-state.js';

const Row = z.object({ n: z.number() });

describe('openOutputDirectory', () => {
  it('writes texts, JSON and rows, and flushes what was left open', async () => {
    await using home = await temporaryState();
    const output = openOutputDirectory(home.folder);
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

  it('keeps to its folder and leaves the manifest to the engine', async () => {
    await using home = await temporaryState();
    const output = openOutputDirectory(home.folder);
    await expect(output.text('../out.txt', '')).rejects.toMatchObject({ code: 'engine/name-outside' });
    await expect(output.json('manifest.json', {})).rejects.toMatchObject({ code: 'engine/reserved-name' });
  });

  it('reports a row file that cannot be written', async () => {
    await using home = await temporaryState();
    const output = openOutputDirectory(home.folder);
    await output.text('taken', '');
    const rows = await output.rows('taken');
    await expect(rows.close()).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(output.close()).rejects.toMatchObject({ code: 'EEXIST' });
  });
});

describe('openWorkDirectory', () => {
  it('brings rows back without a torn one, and allows one writer at a time', async () => {
    await using home = await temporaryState();
    const root = join(home.folder, 'work');
    expect(await hasWork(root)).toBe(false);
    const work = await openWorkDirectory(root);
    expect(await hasWork(root)).toBe(false);
    const log = await work.log('a/rows.jsonl', Row);
    await log.append({ n: 1 });
    await expect(work.log('a/rows.jsonl', Row)).rejects.toThrow('already open');
    await work.close();
    await appendFile(work.path('a/rows.jsonl'), '{"n":2');
    expect(await hasWork(root)).toBe(true);

    const later = await openWorkDirectory(root);
    const again = await later.log('a/rows.jsonl', Row);
    expect(again.rows).toEqual([{ n: 1 }]);
    await again.close();
    await (await later.log('a/rows.jsonl', Row)).close();
    await appendFile(work.path('a/rows.jsonl'), '{"m":2}\n');
    await expect(later.log('a/rows.jsonl', Row)).rejects.toMatchObject({ code: 'base/bad-row' });
    expect(() => later.path('../../x')).toThrow('does not name a file inside its folder');
  });
});
