import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import type { SecpiError } from '../../../src/base/errors.js';
import { sha256 } from '../../../src/base/hash.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { allRows, countedFile, rowsOf } from './fixtures.js';

describe('readRowFile', () => {
  it('reads the same rows from JSON, JSON Lines and Parquet', async () => {
    await using folder = await temporaryFolder();
    const rows = Array.from({ length: 2345 }, (_, n) => ({ prompt: `Übung ${n}`, lang: n % 2 === 0 ? 'go' : 'c' }));
    const parquet = parquetWriteBuffer({
      columnData: [
        { name: 'prompt', data: rows.map((row) => row.prompt), type: 'STRING' },
        { name: 'lang', data: rows.map((row) => row.lang), type: 'STRING' },
      ],
      rowGroupSize: 500,
    });
    const lines = rows.map((row) => JSON.stringify(row)).join('\n');
    const files = [
      await folder.write('a.json', JSON.stringify(rows)),
      await folder.write('a.jsonl', `${lines}\n`),
      await folder.write('a.ndjson', lines),
      await folder.write('a.PARQUET', new Uint8Array(parquet)),
    ];
    files.push(await folder.write('a.jsonl.gz', gzipSync(lines)));
    files.push(await folder.write('a.json.GZ', gzipSync(JSON.stringify(rows))));
    files.push(await folder.write('a.ndjson.zst', zstandard(lines)));
    files.push(await folder.write('a.json.zstd', zstandard(JSON.stringify(rows))));
    for (const file of files) {
      expect(await allRows(file)).toEqual(rows.map((value, index) => ({ row: index + 1, value })));
    }
  });

  it('names the line of what is no row and reads on', async () => {
    await using folder = await temporaryFolder();
    const file = await folder.write('a.jsonl', '{"a":1}\n\n{"a":\n[1]\nnull\n"text"\n{"a":2}\n');
    expect(await allRows(file)).toEqual([
      { row: 1, value: { a: 1 } },
      { row: 3, problem: expect.stringContaining('is not JSON') },
      { row: 4, problem: 'is not an object' },
      { row: 5, problem: 'is not an object' },
      { row: 6, problem: 'is not an object' },
      { row: 7, value: { a: 2 } },
    ]);
  });

  it('names a line that is not UTF-8 and reads on, also where it is the last one and torn', async () => {
    await using folder = await temporaryFolder();
    const broken = Uint8Array.from([...Buffer.from('{"a":"'), 0xff, ...Buffer.from('"}')]);
    const lines = [Buffer.from('{"a":1}\n'), broken, Buffer.from('\n{"a":2}\n'), broken];
    expect(await allRows(await folder.write('a.jsonl', Buffer.concat(lines)))).toEqual([
      { row: 1, value: { a: 1 } },
      { row: 2, problem: 'is not valid UTF-8' },
      { row: 3, value: { a: 2 } },
      { row: 4, problem: 'is not valid UTF-8' },
    ]);
  });

  it('takes a file with a byte order mark and Windows line ends', async () => {
    await using folder = await temporaryFolder();
    for (const [name, text] of [
      ['a.jsonl', '\uFEFF{"a":1}\r\n{"a":2}\r\n'],
      ['a.json', '\uFEFF[{"a":1},\r\n{"a":2}]'],
    ] as const) {
      expect(await allRows(await folder.write(name, text))).toEqual([
        { row: 1, value: { a: 1 } },
        { row: 2, value: { a: 2 } },
      ]);
    }
  });

  it('says in one clear error why a whole file cannot be read', async () => {
    await using folder = await temporaryFolder();
    const code = async (name: string, content: string) => {
      const file = await folder.write(name, content);
      return (async () => allRows(file))().then(
        () => 'read',
        (error: { code: string }) => error.code,
      );
    };
    expect(await code('a.csv', 'a,b')).toBe('datasets/unknown-format');
    expect(await code('a.json', '{"a":1}\n{"a":2}')).toBe('datasets/not-json');
    expect(await code('b.json', '{"rows":[]}')).toBe('datasets/not-a-list');
    expect(await code('a.parquet', 'PAR1 no parquet at all PAR1')).toBe('datasets/not-parquet');
    expect(await code('empty.parquet', '')).toBe('datasets/not-parquet');
    expect(await code('empty.jsonl', '')).toBe('read');
  });

  it('says what a file looks like that is not what its ending says', async () => {
    await using folder = await temporaryFolder();
    const text = '{"a":1}\n{"a":2}\n';
    const first = async (content: string | Uint8Array) => (await allRows(await folder.write('a.jsonl', content)))[0];
    const problem = (sign: string) => ({
      row: 1,
      problem: expect.stringMatching(new RegExp(`^is not .*; the file ${sign}`)),
    });
    expect(await first(gzipSync(text))).toEqual(problem('is packed by gzip: let its name end in .gz$'));
    expect(await first(zstandard(text))).toEqual(problem('is packed by Zstandard'));
    expect(await first(`PAR1${text}`)).toEqual(problem('is Parquet'));
    for (const bom of ['', '\ufeff'])
      expect(await first(Buffer.from(`${bom}${text}`, 'utf16le'))).toEqual(problem('is no UTF-8 but UTF-16'));
    expect(await first(Buffer.from(`\ufeff${text}`, 'utf16le').swap16())).toEqual(problem('is no UTF-8 but UTF-16'));
    const list = 'looks like one JSON list: let its name end in .json$';
    for (const written of ['[{"a":1},{"a":2}]', '[\n  {"a":1},\n  {"a":2}\n]'])
      expect(await first(written)).toEqual(problem(list));
    expect(await first('[1]')).toEqual({ row: 1, problem: 'is not an object' });
    const failure = async (name: string, content: string | Uint8Array) => {
      const file = await folder.write(name, content);
      const { code, message, hint } = (await allRows(file).catch((error: SecpiError) => error)) as SecpiError;
      return [code, message.replace(file, name), hint];
    };
    const fetch = 'It is damaged, cut off, or not what its ending says. Fetch it again.';
    expect(await failure('a.parquet', '')).toEqual([
      'datasets/not-parquet',
      'a.parquet is empty, which is no Parquet',
      fetch,
    ]);
    expect(await failure('a.parquet', text)).toEqual(['datasets/not-parquet', expect.any(String), fetch]);
    for (const nothing of ['', '\ufeff', '\n'])
      expect(await failure('a.json', nothing)).toEqual(['datasets/not-json', 'a.json is empty', expect.any(String)]);
    expect(await failure('a.json', gzipSync(text))).toEqual([
      ...['datasets/not-json', expect.any(String), 'The file is packed by gzip: let its name end in .gz.'],
    ]);
  });

  it('names a row that is nested too deep, in lines and in a list', async () => {
    await using folder = await temporaryFolder();
    const deep = `{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`;
    const files = [
      await folder.write('a.jsonl', `{"a":1}\n${deep}`),
      await folder.write('a.json', `[{"a":1},${deep}]`),
    ];
    for (const file of files) {
      expect(await allRows(file)).toEqual([
        { row: 1, value: { a: 1 } },
        { row: 2, problem: 'is nested more than 1000 levels deep' },
      ]);
    }
  });

  it('unpacks what gzip and zstd themselves have packed, in one frame or several', async () => {
    await using folder = await temporaryFolder();
    const rows = Array.from({ length: 400 }, (_, n) => ({ row: n + 1, value: { prompt: `Sort list number ${n}.` } }));
    const packed = Buffer.from(packedByZstd, 'base64');
    expect(await allRows(await folder.write('a.jsonl.zst', packed))).toEqual(rows);
    const more = rows.map(({ row, value }) => ({ row: row + 400, value }));
    const twice = await folder.write('b.jsonl.zst', Buffer.concat([packed, packed]));
    expect(await allRows(twice)).toEqual([...rows, ...more]);
    const gzips = rows.map(({ value }) => gzipSync(`${JSON.stringify(value)}\n`));
    expect(await allRows(await folder.write('c.jsonl.gz', Buffer.concat(gzips)))).toEqual(rows);
  });

  it('never takes a packed file that was cut off or changed for a short one', async () => {
    const text = Array.from({ length: 50 }, (_, n) => JSON.stringify({ prompt: `Sort list number ${n}.` })).join('\n');
    for (const [name, content] of [
      ['a.jsonl.gz', gzipSync(text)],
      ['a.jsonl.zst', Buffer.from(packedByZstd, 'base64')],
    ] as const) {
      for (const length of [content.length - 1, Math.floor(content.length / 2), 20, 4]) {
        const cut = rowsOf(countedFile(name, content.subarray(0, length)));
        await expect(cut).rejects.toMatchObject({ code: 'datasets/damaged', message: expect.stringContaining(name) });
      }
      const other = rowsOf(countedFile(name, Buffer.from(text)));
      await expect(other).rejects.toMatchObject({ code: 'datasets/damaged' });
    }
  });

  it('lets an error of reading be that error, however the bytes are packed', async () => {
    for (const name of ['a.jsonl', 'a.jsonl.gz', 'a.jsonl.zst', 'a.json', 'a.parquet']) {
      const broken = {
        ...countedFile(name, Buffer.alloc(100)),
        read: () => Promise.reject(new Error('the line broke')),
      };
      await expect(rowsOf(broken)).rejects.toThrow(/^the line broke$/);
    }
  });

  it('reads a small Parquet file that does not lie here', async () => {
    const columns = [{ name: 'prompt', data: ['Sort a list.', 'Sort it again.'], type: 'STRING' as const }];
    const file = countedFile('a.parquet', new Uint8Array(parquetWriteBuffer({ columnData: columns })));
    expect(await rowsOf(file, { limit: 2 })).toEqual([
      { row: 1, value: { prompt: 'Sort a list.' } },
      { row: 2, value: { prompt: 'Sort it again.' } },
    ]);
  });

  it('reads no more of a large file than a few rows need', async () => {
    const long = 'x'.repeat(1000);
    const text = Array.from({ length: 5000 }, (_, n) => JSON.stringify({ prompt: `${n} ${long}` })).join('\n');
    const parquet = parquetWriteBuffer({
      columnData: [
        { name: 'prompt', data: Array.from({ length: 5000 }, (_, n) => `${n} short`), type: 'STRING' },
        { name: 'trace', data: Array.from({ length: 5000 }, (_, n) => sha256(String(n)).repeat(8)), type: 'STRING' },
      ],
      codec: 'UNCOMPRESSED',
      rowGroupSize: 500,
    });
    for (const [name, content] of [
      ['a.jsonl', Buffer.from(text)],
      ['a.parquet', new Uint8Array(parquet)],
    ] as const) {
      const file = countedFile(name, content);
      const rows = await rowsOf(file, { limit: 3, columns: ['prompt'] });
      expect(rows.map(({ row }) => row)).toEqual([1, 2, 3]);
      expect(file.asked()).toBeLessThan(content.length / 3);
    }
    const all = countedFile('a.parquet', new Uint8Array(parquet));
    const rows = await rowsOf(all, { columns: ['prompt', 'no such column'] });
    expect(rows).toHaveLength(5000);
    expect(rows[4999]).toEqual({ row: 5000, value: { prompt: '4999 short' } });
    expect(await rowsOf(all, { limit: 1, columns: ['no such column'] })).toEqual([
      { row: 1, value: { prompt: '0 short', trace: expect.any(String) } },
    ]);
  });
});

/** Zstandard without packing anything: one raw block for each 64 kB (RFC 8878, 3.1.1). */
function zstandard(text: string): Buffer {
  const content = Buffer.from(text);
  const parts = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x40])];
  for (let at = 0; at < content.length; at += 65_536) {
    const block = content.subarray(at, at + 65_536);
    const header = Buffer.alloc(3);
    header.writeUIntLE((block.length << 3) | (at + 65_536 >= content.length ? 1 : 0), 0, 3);
    parts.push(header, block);
  }
  return Buffer.concat(parts);
}

/** What `zstd -19` makes of 400 rows. */
const packedByZstd =
  'KLUv/QRolAgAptQsGHAtaA7+A8TB6aHX/wOJiIgQWQG+KtYTATIAJQAeAEVERERENDMzMzPTtm3b/v9/4lnRdMBEMCgBx8GgiCwCkAciEYA4GAUBQQBpKBiOhkAS////Xy6Xy+VyuVwuZ2ZmZmYiIiIiIt7d3d3dmZmZmZlVVVVVVdd1Xdd1XdM0TdM0TdP0PM/zPM/zPPfee++99/7/AXme53me5zmO4ziO4ziO3/d93/d937dt27Zt27Zt1xWAx6gREPr9PwPQG9UBEfz/IwQSP6ut2dncbK7WVmezs7lZXS2GZbD1lV67K7j2VtLaWYk1BQEQAAEQAAEIgAAIQF0lq1UVVGsqpFZUQK2ncJoFswRmCWauQAhAqoUGADbZKhDAFVoM//9gIrs3yZS8vnHeIwAnACIABoPBYDAYDAaDu7u7u7uqqqqqKoqiKIqiKIphGIZhGIZheBLxeZ7neZ7neZqmaZqmaZpmWZZlWZZlWZIkSZIkSZLkOI7jOI7jOAHPczgcDofD4XD4/////9/d3d3dXZZlWZZlWZbjOI7jOI7jgEFAcPd93/d93/dt27Zt27Zt23Vd13Vd13VN0zRN0zRN0/M8z/M8T4DIqCDEB+DZjwMS+P9f/xgAEAvQiDIQAIBZbPQlsYdxiQEsIJJD';
