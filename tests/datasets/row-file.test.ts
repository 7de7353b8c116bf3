import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.js';
import { allRows } from './fixtures.js';

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
});
