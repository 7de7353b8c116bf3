import { mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createJsonLines, openJsonLines, readJsonLines } from '../../../src/base/files/json-lines.js';

const Row = z.strictObject({ id: z.number(), text: z.string() });
type Row = z.infer<typeof Row>;

let folder: string;
let counter = 0;
const fresh = (): string => {
  counter += 1;
  return join(folder, `${counter}.jsonl`);
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'secpi-json-lines-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function collect<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const row of rows) all.push(row);
  return all;
}

describe('openJsonLines', () => {
  it('replays what was appended, in order, also with many writers at once', async () => {
    const path = fresh();
    const log = await openJsonLines(path, { schema: Row });
    expect(log.rows).toEqual([]);
    await Promise.all(Array.from({ length: 500 }, (_, id) => log.append({ id, text: `line\n${id}` })));
    await log.close();
    const again = await openJsonLines(path, { schema: Row });
    expect(again.rows.map((row) => row.id)).toEqual(Array.from({ length: 500 }, (_, id) => id));
    await again.close();
  });

  it('has the row in the file when append resolves', async () => {
    const path = fresh();
    const log = await openJsonLines(path, { schema: Row });
    await log.append({ id: 1, text: 'a' });
    expect(await readFile(path, 'utf8')).toBe('{"id":1,"text":"a"}\n');
    await log.append({ id: 2, text: 'b' });
    expect(await readFile(path, 'utf8')).toBe('{"id":1,"text":"a"}\n{"id":2,"text":"b"}\n');
    await log.close();
  });

  it('cut at any byte: the whole rows before the cut come back, and appending goes on behind them', async () => {
    const rows = fc.array(fc.record({ id: fc.integer(), text: fc.string({ unit: 'grapheme' }) }), {
      minLength: 1,
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(rows, fc.double({ min: 0, max: 1, noNaN: true }), async (written, at) => {
        const path = fresh();
        const log = await openJsonLines(path, { schema: Row });
        for (const row of written) await log.append(row);
        await log.close();
        const bytes = await readFile(path);
        const cut = Math.floor(at * bytes.length);
        await truncate(path, cut);
        const whole = bytes.subarray(0, cut).filter((byte) => byte === 0x0a).length;

        const reopened = await openJsonLines(path, { schema: Row });
        expect(reopened.rows).toEqual(written.slice(0, whole));
        await reopened.append({ id: -1, text: 'after' });
        await reopened.close();
        expect(await collect(readJsonLines(path, Row))).toEqual([
          ...written.slice(0, whole),
          { id: -1, text: 'after' },
        ]);
      }),
      { numRuns: 40 },
    );
  });

  it('names file and line of a row that no longer fits, and leaves the file alone', async () => {
    const path = fresh();
    const text = '{"id":1,"text":"a"}\n{"id":"two","text":"b"}\n{"torn';
    await writeFile(path, text);
    await expect(openJsonLines(path, { schema: Row })).rejects.toMatchObject({
      code: 'base/bad-row',
      message: expect.stringContaining(`${path}:2 does not fit: "id"`),
      location: { file: path, line: 2, column: 1 },
    });
    expect(await readFile(path, 'utf8')).toBe(text);
  });

  it('refuses to write through a link', async () => {
    const target = fresh();
    await writeFile(target, '');
    const link = fresh();
    await symlink(target, link);
    await expect(openJsonLines(link, { schema: Row })).rejects.toMatchObject({ code: 'ELOOP' });
  });

  it('accepts nothing after close', async () => {
    const log = await openJsonLines(fresh(), { schema: Row });
    const last = log.append({ id: 1, text: 'a' });
    await log.close();
    await last;
    await log.close();
    await expect(log.append({ id: 2, text: 'b' })).rejects.toThrow('append after close');
  });
});

describe('createJsonLines', () => {
  it('never touches a file that is already there', async () => {
    const path = fresh();
    await writeFile(path, 'mine');
    await expect(createJsonLines(path)).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await readFile(path, 'utf8')).toBe('mine');
  });
});

describe('readJsonLines', () => {
  it('reads foreign files: byte order mark, CRLF, empty lines, no final line feed', async () => {
    const path = fresh();
    await writeFile(path, '\uFEFF{"id":1,"text":"ä"}\r\n\r\n{"id":2,"text":"b"}');
    expect(await collect(readJsonLines(path, Row))).toEqual([
      { id: 1, text: 'ä' },
      { id: 2, text: 'b' },
    ]);
    expect(await collect(readJsonLines(path, Row, { unfinished: 'drop' }))).toEqual([{ id: 1, text: 'ä' }]);
  });

  it('names the line of broken JSON, of broken UTF-8 and of a line without end', async () => {
    const json = fresh();
    await writeFile(json, '{"id":1,"text":"a"}\n{"id":');
    await expect(collect(readJsonLines(json, Row))).rejects.toMatchObject({
      code: 'base/bad-json',
      message: expect.stringContaining(`${json}:2 `),
    });
    const bytes = fresh();
    await writeFile(bytes, Buffer.from([0x22, 0xff, 0x22, 0x0a]));
    await expect(collect(readJsonLines(bytes, z.string()))).rejects.toMatchObject({
      code: 'base/not-utf8',
      message: expect.stringContaining(`${bytes}:1 `),
    });
    const long = fresh();
    await writeFile(long, `"a"\n"${'x'.repeat(1000)}`);
    await expect(collect(readJsonLines(long, z.string(), { maxLineBytes: 100 }))).rejects.toMatchObject({
      code: 'base/line-too-long',
      message: expect.stringContaining(`${long}:2 `),
    });
  });

  it('reads lines that are longer than one chunk', async () => {
    const path = fresh();
    const text = 'é'.repeat(400_000);
    const log = await openJsonLines(path, { schema: Row });
    await log.append({ id: 1, text });
    await log.append({ id: 2, text: 'short' });
    await log.close();
    expect((await collect(readJsonLines(path, Row))).map((row: Row) => row.text.length)).toEqual([400_000, 5]);
  });
});
