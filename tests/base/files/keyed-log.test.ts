import { appendFile, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { openKeyedLog } from '../../../src/base/files/keyed-log.js';
import { watchFaults } from '../../support/fault-points.js';
import { openDescriptors } from '../fixtures/open-descriptors.js';

const Row = z.strictObject({ id: z.number(), text: z.string() });
type Row = z.infer<typeof Row>;
const options = { schema: Row, key: (row: Row) => String(row.id) };

let folder: string;
let counter = 0;
const fresh = (): string => {
  counter += 1;
  return join(folder, `${counter}.jsonl`);
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'secpi-keyed-log-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function collect<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const row of rows) all.push(row);
  return all;
}

describe('openKeyedLog', () => {
  it('finds rows by their key, those of an earlier process and new ones, the newest of several', async () => {
    const path = fresh();
    const log = await openKeyedLog(path, options);
    expect([...log.keys()]).toEqual([]);
    await Promise.all([1, 2, 3].map((id) => log.append({ id, text: `ä${id}` })));
    expect(await log.get('2')).toEqual({ id: 2, text: 'ä2' });
    await log.close();

    const again = await openKeyedLog(path, options);
    expect([...again.keys()]).toEqual(['1', '2', '3']);
    expect(again.has('3')).toBe(true);
    expect(await again.get('3')).toEqual({ id: 3, text: 'ä3' });
    await again.append({ id: 2, text: 'once more' });
    expect(await again.get('2')).toEqual({ id: 2, text: 'once more' });
    expect(await again.get('4')).toBeUndefined();
    expect((await collect(again.rows())).map((row) => row.text)).toEqual(['ä1', 'ä2', 'ä3', 'once more']);
    await again.close();
  });

  it('brings back every whole row after a cut at any byte, and appends behind them', async () => {
    const rows = fc.array(fc.record({ text: fc.string({ unit: 'grapheme', maxLength: 20 }) }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(rows, fc.double({ min: 0, max: 1, noNaN: true }), async (texts, at) => {
        const path = fresh();
        const written = texts.map(({ text }, id) => ({ id, text }));
        const log = await openKeyedLog(path, options);
        for (const row of written) await log.append(row);
        await log.close();
        const bytes = await readFile(path);
        const cut = Math.floor(at * bytes.length);
        await truncate(path, cut);
        const whole = bytes.subarray(0, cut).filter((byte) => byte === 0x0a).length;

        const reopened = await openKeyedLog(path, options);
        expect([...reopened.keys()]).toEqual(written.slice(0, whole).map((row) => String(row.id)));
        for (const row of written.slice(0, whole)) expect(await reopened.get(String(row.id))).toEqual(row);
        await reopened.append({ id: -1, text: 'after' });
        expect(await reopened.get('-1')).toEqual({ id: -1, text: 'after' });
        await reopened.close();
        const last = await openKeyedLog(path, options);
        expect(await collect(last.rows())).toEqual([...written.slice(0, whole), { id: -1, text: 'after' }]);
        await last.close();
      }),
      { numRuns: 40 },
    );
  });

  it('forces a row to the disk before it says that it is kept, and the cut of a torn line too', async () => {
    const path = fresh();
    await writeFile(path, '{"id":1,"text":"a"}\n{"torn');
    const calls: string[] = [];
    {
      using _watch = await watchFaults(({ call, path: place }) => {
        if (place === path) calls.push(call);
        return 'none';
      });
      const log = await openKeyedLog(path, options);
      calls.push('opened');
      await log.append({ id: 2, text: 'b' });
      calls.push('kept');
      await log.close();
    }
    expect(calls).toEqual(['create', 'truncate', 'sync', 'opened', 'append', 'sync', 'kept']);
  });

  it('leaves a whole file as it is, empty lines and all', async () => {
    const path = fresh();
    const text = '{"id":1,"text":"a"}\n\n  \t\n{"id":2,"text":"b"}\n';
    await writeFile(path, text);
    using watch = await watchFaults(() => 'none');
    const log = await openKeyedLog(path, options);
    expect(watch.points.filter((point) => point.path === path).map(({ call }) => call)).toEqual(['create']);
    expect([...log.keys()]).toEqual(['1', '2']);
    expect(await log.get('2')).toEqual({ id: 2, text: 'b' });
    expect(await collect(log.rows())).toHaveLength(2);
    await log.close();
    expect(await readFile(path, 'utf8')).toBe(text);
    expect(openDescriptors(path)).toBe(0);
  });

  it('leaves out a row that is being written while the rows are read', async () => {
    const path = fresh();
    const log = await openKeyedLog(path, options);
    await log.append({ id: 1, text: 'a' });
    await appendFile(path, '{"id":2,"te');
    expect(await collect(log.rows())).toEqual([{ id: 1, text: 'a' }]);
    await log.close();
  });

  it('names file and line of a row that no longer fits, and leaves the file alone', async () => {
    const path = fresh();
    const text = '{"id":1,"text":"a"}\n{"id":"two","text":"b"}\n{"torn';
    await writeFile(path, text);
    await expect(openKeyedLog(path, options)).rejects.toMatchObject({
      code: 'base/bad-row',
      message: expect.stringContaining(`${path}:2 does not fit: "id"`),
      location: { file: path, line: 2, column: 1 },
    });
    expect(await readFile(path, 'utf8')).toBe(text);
    expect(openDescriptors(path)).toBe(0);
  });

  it('refuses to write through a link', async () => {
    const target = fresh();
    await writeFile(target, '');
    const link = fresh();
    await symlink(target, link);
    await expect(openKeyedLog(link, options)).rejects.toMatchObject({ code: 'ELOOP' });
  });

  it('accepts nothing after close, and nothing after a write that failed', async () => {
    const log = await openKeyedLog(fresh(), options);
    const last = log.append({ id: 1, text: 'a' });
    await log.close();
    await last;
    await log.close();
    await expect(log.append({ id: 2, text: 'b' })).rejects.toThrow('append after close');

    const path = fresh();
    const full = await openKeyedLog(path, options);
    {
      using _watch = await watchFaults(({ call }) => (call === 'append' ? { code: 'ENOSPC' } : 'none'));
      await expect(full.append({ id: 1, text: 'a' })).rejects.toMatchObject({ code: 'ENOSPC', path });
    }
    // The file may end in half a line now.
    await expect(full.append({ id: 2, text: 'b' })).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(full.has('1')).toBe(false);
    await full.close();
  });
});
