import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskerOf } from '../../src/base/mask-values.js';

describe('maskerOf', () => {
  it('masks values that overlap as one, and lets no rest of one through', () => {
    const mask = maskerOf(['first-middle', 'middle-last', 'iddle-'], '#');
    expect(mask('<first-middle-last> <first-middle> <iddle-> <middle-lost>')).toBe('<#> <#> <#> <m#lost>');
  });

  it('masks values side by side one by one, and the longest of those that begin alike', () => {
    expect(maskerOf(['ab', 'abcd'], '#')('ababcd abcab')).toBe('## #c#');
  });

  it('masks as one what only a longer value joins', () => {
    expect(maskerOf(['ab', 'cd', 'abcde'], '#')('<abcd> <abcde>')).toBe('<##> <#>');
  });

  it('leaves a text alone when there is nothing to mask', () => {
    expect(maskerOf([], '#')('anything')).toBe('anything');
    expect(maskerOf(['else'], '#')('anything')).toBe('anything');
  });

  it('finds what a search from every character finds', () => {
    const letters = (least: number, most: number) =>
      fc.array(fc.constantFrom('a', 'b'), { minLength: least, maxLength: most }).map((all) => all.join(''));
    fc.assert(
      fc.property(fc.array(letters(1, 5), { maxLength: 4 }), letters(0, 60), (values, text) => {
        const hidden = [...text].map(() => false);
        for (const value of values) {
          for (let at = text.indexOf(value); at !== -1; at = text.indexOf(value, at + 1)) {
            hidden.fill(true, at, at + value.length);
          }
        }
        const shown = [...text].map((letter, index) => (hidden[index] ? '#' : letter)).join('');
        // How many marks stand for what is hidden depends on what overlaps; what is hidden does not.
        expect(maskerOf(values, '#')(text).replace(/#+/g, '#')).toBe(shown.replace(/#+/g, '#'));
      }),
    );
  });
});
