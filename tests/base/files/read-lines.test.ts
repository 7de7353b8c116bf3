import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ReadLinesOptions, readLines, type TextLine } from '../../../src/base/files/read-lines.js';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';

async function linesOf(path: string, options?: ReadLinesOptions): Promise<TextLine[]> {
  const all: TextLine[] = [];
  for await (const line of readLines(path, options)) all.push(line);
  return all;
}

const textsOf = async (folder: TemporaryFolder, content: string): Promise<string[]> =>
  (await linesOf(await folder.write('file', content))).map(({ text }) => text);

describe('readLines', () => {
  it('cuts a file at its line feeds and nowhere else, and says where each line ends', async () => {
    await using folder = await temporaryFolder();
    const piece = fc.constantFrom('a', 'ä', '😀', '\r', '\u2028', ' ', '\n', '\n\n');
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: piece, maxLength: 30 }), async (content) => {
        const lines = await linesOf(await folder.write('file', content));
        const whole = content.split('\n');
        const rest = whole.pop();
        expect(lines.filter(({ complete }) => complete).map(({ text }) => text)).toEqual(whole);
        expect(lines.filter(({ complete }) => !complete).map(({ text }) => text)).toEqual(rest === '' ? [] : [rest]);
        let before = '';
        for (const [index, { number, text, end, complete, valid }] of lines.entries()) {
          before += complete ? `${text}\n` : text;
          expect({ number, end, valid }).toEqual({ number: index + 1, end: Buffer.byteLength(before), valid: true });
        }
      }),
      { numRuns: 50 },
    );
  });

  it('joins lines that lie over several pieces of the file, and parts those that end with one', async () => {
    await using folder = await temporaryFolder();
    // The pieces are of 256 KiB.
    const lines = ['ä'.repeat(300_000), 'b'.repeat(1000), '', 'c'.repeat(600_000), 'd'];
    const first = 'x'.repeat(256 * 1024 - 1);
    const texts = await textsOf(folder, [first, ...lines, ''].join('\n'));
    expect(texts.map(({ length }) => length)).toEqual([first, ...lines].map(({ length }) => length));
    expect(texts.join('\n') === [first, ...lines].join('\n')).toBe(true);
  });

  it('drops a byte order mark at the beginning of the file, and only there', async () => {
    await using folder = await temporaryFolder();
    expect(await textsOf(folder, '\uFEFFa\uFEFF\n\uFEFFb\n')).toEqual(['a\uFEFF', '\uFEFFb']);
    expect(await textsOf(folder, '\uFEFF\uFEFFa')).toEqual(['\uFEFFa']);
    expect(await textsOf(folder, 'a\uFEFFb')).toEqual(['a\uFEFFb']);
    const [line] = await linesOf(await folder.write('file', '\uFEFFa\n'));
    expect(line?.end).toBe(5);
  });

  it('takes a line as long as is allowed, and names the place of a longer one', async () => {
    await using folder = await temporaryFolder();
    const path = await folder.write('file', 'abc\nabcd\nabcde\n');
    expect(await linesOf(path, { maxLineBytes: 5 })).toHaveLength(3);
    await expect(linesOf(path, { maxLineBytes: 4 })).rejects.toMatchObject({
      code: 'base/line-too-long',
      message: `${path}:3 is longer than 4 bytes`,
      location: { file: path, line: 3, column: 1 },
    });
    const torn = await folder.write('torn', 'abc\nabcd');
    await expect(linesOf(torn, { maxLineBytes: 3 })).rejects.toMatchObject({
      location: { file: torn, line: 2, column: 1 },
    });
  });

  it('names the place of a line that is not UTF-8, or marks it and goes on', async () => {
    await using folder = await temporaryFolder();
    const path = await folder.write('file', Buffer.from('a\nb\xff\nc\n', 'latin1'));
    for (const options of [{}, { invalid: 'throw' }] as const) {
      await expect(linesOf(path, options)).rejects.toMatchObject({
        code: 'base/not-utf8',
        message: `${path}:2 is not valid UTF-8`,
        location: { file: path, line: 2, column: 1 },
      });
    }
    const lines = await linesOf(path, { invalid: 'mark' });
    expect(lines.map(({ text, valid }) => ({ text, valid }))).toEqual([
      { text: 'a', valid: true },
      { text: 'b\uFFFD', valid: false },
      { text: 'c', valid: true },
    ]);
  });

  it('gives a torn last line as it is: it may end inside a character', async () => {
    await using folder = await temporaryFolder();
    const path = await folder.write('file', Buffer.from('ä\nä').subarray(0, 4));
    expect(await linesOf(path)).toEqual([
      { number: 1, text: 'ä', end: 3, complete: true, valid: true },
      { number: 2, text: '\uFFFD', end: 4, complete: false, valid: false },
    ]);
  });

  it('says nothing of an empty file, and which one is missing', async () => {
    await using folder = await temporaryFolder();
    expect(await linesOf(await folder.write('empty', ''))).toEqual([]);
    const missing = join(folder.path, 'missing');
    await expect(linesOf(missing)).rejects.toMatchObject({ code: 'ENOENT', path: missing });
  });
});
