import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codePieces } from '../../../src/cli/browse/code-colours.js';

const kinds = (code: string, language?: string) =>
  [...codePieces(code, language)].map(({ kind, start, end }) => [kind, code.slice(start, end)]);

describe('codePieces', () => {
  it('loses and changes nothing', () => {
    const piece = fc.constantFrom(
      '"',
      "'",
      '`',
      '\\',
      '\n',
      '//',
      '/*',
      '*/',
      '#',
      '--',
      '"""',
      'return',
      '12',
      ' ',
      'é',
    );
    const code = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(code, fc.constantFrom('', 'python', 'c', 'sql'), (text, language) => {
        expect(
          kinds(text, language)
            .map(([, part]) => part)
            .join(''),
        ).toBe(text);
      }),
    );
  });

  it('knows comments, quoted text, numbers and keywords, by language where they differ', () => {
    expect(kinds('def f(x): return "a" + 1  # one', 'python')).toEqual([
      ['keyword', 'def'],
      ['plain', ' f(x): '],
      ['keyword', 'return'],
      ['plain', ' '],
      ['string', '"a"'],
      ['plain', ' + '],
      ['number', '1'],
      ['plain', '  '],
      ['comment', '# one'],
    ]);
    expect(kinds('#define x 7 // y', 'c').map(([kind]) => kind)).toEqual(['plain', 'number', 'plain', 'comment']);
    expect(kinds('7 // 2', 'python').some(([kind]) => kind === 'comment')).toBe(false);
    expect(kinds('i--; x', 'c').some(([kind]) => kind === 'comment')).toBe(false);
    expect(kinds('x -- y', 'sql').at(-1)).toEqual(['comment', '-- y']);
  });

  it('is not led astray by an apostrophe, and is quick whatever the code', () => {
    expect(kinds("// don't\nreturn 'a'")).toContainEqual(['keyword', 'return']);
    expect(kinds("'tis\nreturn")).toContainEqual(['keyword', 'return']);
    const started = performance.now();
    for (const hostile of ["'\\", "'", '"x', '`', '/*', '"""', '\\"', 'a']) {
      const text = hostile.repeat(200_000);
      expect([...codePieces(text)].at(-1)?.end).toBe(text.length);
    }
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});
