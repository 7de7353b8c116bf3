import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Packer } from '../../../src/base/files/packed/packer.js';
import { isPackedText } from '../../../src/base/files/packed/text-file.js';
import { facetsOf, type RowFacets, rowIn, UNREADABLE } from '../../../src/cli/browse/row-facets.js';
import { RowIndex } from '../../../src/cli/browse/row-index.js';
import { TextSearch } from '../../../src/cli/browse/text-search.js';
import { temporaryFolder } from '../../support/run-cli.js';

const signal = new AbortController().signal;

async function found(
  index: RowIndex,
  options: { from: number; direction: 1 | -1; filter?: (facets: RowFacets) => boolean },
) {
  const rows: [number, string][] = [];
  for await (const { row, line } of index.search({ filter: () => true, signal, ...options })) rows.push([row, line]);
  return rows;
}

/** Writes it as the name says: packed or not. */
async function writeText(path: string, text: string): Promise<void> {
  const packer = new Packer();
  await writeFile(path, isPackedText(path) ? Buffer.concat([packer.add(text), packer.end()]) : text);
}

describe('RowIndex', () => {
  it('finds in a file what a reader of all its lines finds, in both directions', async () => {
    await using folder = await temporaryFolder();
    const row = fc.record({
      code: fc.constantFrom('leak', 'short', undefined),
      task: fc.record({ language: fc.constantFrom('c', 'go'), cwes: fc.subarray(['CWE-1', 'CWE-2']) }),
      text: fc.string({ unit: 'grapheme', maxLength: 30 }),
    });
    const line = fc.oneof(
      row.map((value) => JSON.stringify(value)),
      fc.constantFrom('', '{', '[1]', '"text"', 'ü'.repeat(3000)),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 40 }),
        fc.boolean(),
        fc.nat(40),
        fc.constantFrom('.jsonl', '.jsonl.gz'),
        async (lines, torn, from, ending) => {
          const path = join(folder.path, `rows${ending}`);
          await writeText(path, lines.join('\n') + (torn || lines.length === 0 ? '' : '\n'));
          // A last line without anything in it is none.
          const all = torn && lines.at(-1) === '' ? lines.slice(0, -1) : lines;
          await using index = await RowIndex.open(path);
          const filter = ({ reason, language, cwes }: RowFacets) =>
            reason === 'leak' && language === 'c' && cwes.includes('CWE-1');
          const facets = (text: string) => {
            const value = rowIn(text);
            return value === undefined ? UNREADABLE : facetsOf(value);
          };
          const numbered = all.map((text, at): [number, string] => [at, text]);
          expect(await found(index, { from, direction: 1 })).toEqual(numbered.slice(from));
          const last = Math.min(from, all.length - 1);
          expect(await found(index, { from: last, direction: -1, filter })).toEqual(
            numbered.filter(([at, text]) => at <= last && filter(facets(text))).reverse(),
          );
          await index.whenComplete();
          expect(index.rows).toBe(all.length);
          expect(index.combinations.reduce((sum, { rows }) => sum + rows, 0)).toBe(all.length);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('reads rows that are longer than a block, and those behind them', async () => {
    await using folder = await temporaryFolder();
    for (const ending of ['.jsonl', '.jsonl.gz']) {
      const path = join(folder.path, `rows${ending}`);
      const lines = [10, 1_500_000, 20, 3_000_000, 30].map((length) => JSON.stringify({ text: 'x'.repeat(length) }));
      await writeText(path, `\uFEFF${lines.join('\n')}\n`);
      await using index = await RowIndex.open(path);
      expect((await found(index, { from: 0, direction: 1 })).map(([, line]) => line)).toEqual(lines);
      expect((await found(index, { from: 4, direction: -1 })).map(([, line]) => line)).toEqual(lines.toReversed());
      expect(await index.read(2)).toBe(lines[2]);
      expect(await index.read(5)).toBeUndefined();
    }
  });

  it('gives rows that it has passed before it has come to the end, and ends when it is closed', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'rows.jsonl');
    await writeFile(path, `${JSON.stringify({ language: 'c', text: 'x'.repeat(200) })}\n`.repeat(40_000));
    await using index = await RowIndex.open(path);
    expect(await index.read(3)).toContain('xxx');
    expect(index.isComplete).toBe(false);
  });

  it('says what is wrong with a file that cannot be read', async () => {
    await using folder = await temporaryFolder();
    await using index = await RowIndex.open(folder.path);
    await expect(index.whenComplete()).rejects.toThrow();
    await expect(RowIndex.open(join(folder.path, 'gone'))).rejects.toThrow();
  });
});

describe('TextSearch', () => {
  it('finds texts whatever their case, also what JSON spells in another way, but no names of fields', () => {
    const line = JSON.stringify({ prompt: 'Say "Hello"\n\tto Ärger', task: { cwes: ['CWE-89'] }, row: 12 });
    const isIn = (text: string) => new TextSearch(text).isIn(line);
    expect(['say "hello"', '"\n\tTO', 'ärger', 'cwe-89', '12', ''].map(isIn)).toEqual(Array(6).fill(true));
    expect(['prompt', 'cwes', '\\n', 'goodbye', '{'].map(isIn)).toEqual(Array(5).fill(false));
    expect(new TextSearch('half').isIn('{"half a row')).toBe(true);
  });

  it('marks exactly what it finds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ minLength: 1, maxLength: 3 }), (text, what) => {
        let last = 0;
        for (const { start, end } of new TextSearch(what).placesIn(text)) {
          expect(text.slice(start, end).toLowerCase()).toBe(what.toLowerCase());
          expect(start).toBeGreaterThanOrEqual(last);
          last = end;
        }
      }),
    );
    expect([...new TextSearch('aB').placesIn('abxAB')]).toEqual([
      { start: 0, end: 2 },
      { start: 3, end: 5 },
    ]);
  });
});
