import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { createJsonLines, readJsonLines } from '../../../src/base/files/json-lines.js';
import { watchFaults } from '../../support/fault-points.js';
import { openDescriptors } from '../fixtures/open-descriptors.js';

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

describe('createJsonLines', () => {
  it('lets writers that wait share one write and one fsync, and keeps their order', async () => {
    const path = fresh();
    const log = await createJsonLines<Row>(path);
    using watch = await watchFaults(() => 'none');
    await Promise.all(Array.from({ length: 100 }, (_, id) => log.append({ id, text: 'x' })));
    expect(watch.points.map(({ call }) => call)).toEqual(['append', 'sync']);
    await log.close();
    expect((await collect(readJsonLines(path, Row))).map((row) => row.id)).toEqual(
      Array.from({ length: 100 }, (_, id) => id),
    );
  });

  it('does not wait for the disk where that is not asked for', async () => {
    const log = await createJsonLines<Row>(fresh(), { durable: false });
    using watch = await watchFaults(() => 'none');
    await log.append({ id: 1, text: 'x' });
    expect(watch.points.map(({ call }) => call)).toEqual(['append']);
    await log.close();
  });

  it('forces the name of its file to the disk before it takes a row, and leaves nothing open', async () => {
    const path = fresh();
    using watch = await watchFaults(() => 'none');
    const log = await createJsonLines<Row>(path);
    expect(watch.points).toMatchObject([
      { call: 'create', path },
      { call: 'sync', path: dirname(path) },
    ]);
    expect(openDescriptors(path)).toBe(1);
    await log.close();
    expect(openDescriptors(path)).toBe(0);
  });

  it('leaves nothing open where that fails', async () => {
    const path = fresh();
    using _watch = await watchFaults(({ call }) => (call === 'sync' ? { code: 'EIO' } : 'none'));
    await expect(createJsonLines(path)).rejects.toMatchObject({ code: 'EIO', path: dirname(path) });
    expect(openDescriptors(path)).toBe(0);
  });

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
      location: { file: json, line: 2, column: 1 },
      cause: expect.any(SyntaxError),
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
    const log = await createJsonLines<Row>(path);
    await log.append({ id: 1, text });
    await log.append({ id: 2, text: 'short' });
    await log.close();
    expect((await collect(readJsonLines(path, Row))).map((row: Row) => row.text.length)).toEqual([400_000, 5]);
  });
});
