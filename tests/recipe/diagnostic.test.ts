import { describe, expect, it } from 'vitest';
import { type Mistake, RecipeError } from '../../src/recipe/diagnostic.js';

const sources = new Map([
  ['r.yaml', 'one\ntwo\r\nthree'],
  ['base.yaml', 'four\n'],
]);

function mistake(file: string | undefined, line: number, column: number, message = 'wrong'): Mistake {
  const location = file === undefined ? undefined : { file, line, column };
  return { location, length: 2, words: () => ({ message }) };
}

describe('RecipeError', () => {
  it('orders mistakes by file, line and column, those of the command line last', () => {
    const { diagnostics, location } = new RecipeError(
      [
        mistake(undefined, 0, 0, 'first --set'),
        mistake('base.yaml', 1, 1),
        mistake('r.yaml', 10, 1),
        mistake(undefined, 0, 0, 'second --set'),
        mistake('r.yaml', 2, 10),
        mistake('r.yaml', 2, 9),
      ],
      sources,
    );
    expect(diagnostics.map(({ location: at, message }) => at ?? message)).toEqual([
      { file: 'r.yaml', line: 2, column: 9 },
      { file: 'r.yaml', line: 2, column: 10 },
      { file: 'r.yaml', line: 10, column: 1 },
      { file: 'base.yaml', line: 1, column: 1 },
      'first --set',
      'second --set',
    ]);
    expect(location).toEqual({ file: 'r.yaml', line: 2, column: 9 });
  });

  it('shows twenty, keeps two hundred, and puts no more into words', () => {
    let worded = 0;
    const mistakes = Array.from({ length: 1000 }, (_, index) => ({
      ...mistake('r.yaml', 1, 1000 - index),
      words: () => {
        worded += 1;
        return { message: `mistake ${index}` };
      },
    }));
    const { message, diagnostics } = new RecipeError(mistakes, sources);
    expect(message.match(/^r\.yaml:/gm)).toHaveLength(20);
    expect(message).toMatch(/^r\.yaml:1:1: mistake 999\n[\s\S]*\n\n… and 980 more$/);
    expect(diagnostics).toHaveLength(200);
    expect(worded).toBe(200);
  });

  it('frames the line, without its line break', () => {
    const { message } = new RecipeError([mistake('r.yaml', 2, 2)], sources);
    expect(message).toBe('r.yaml:2:2: wrong\n  2 | two\n    |  ^^');
  });

  it('cuts what is too long to be read, and no character in two', () => {
    const words = { message: `${'x'.repeat(999)}😀`, hint: 'y'.repeat(5000) };
    const { diagnostics } = new RecipeError([{ ...mistake('r.yaml', 1, 1), words: () => words }], sources);
    expect(diagnostics[0]).toMatchObject({ message: `${'x'.repeat(999)}…`, hint: `${'y'.repeat(1000)}…` });
  });
});
