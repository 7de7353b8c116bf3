import { describe, expect, it } from 'vitest';
import { linearPatternProblem } from '../../../src/security/texts/linear-pattern.js';

describe('linearPatternProblem', () => {
  it.each([
    ['(a{1,3}){2}', /repeated group/],
    ['(a|b)+', /unbounded/],
    ['.*', /unbounded/],
    ['a{2,}', /unbounded/],
    ['a{0,201}', /wider/],
    ['a{500}', /wider/],
    ['(a)\\1', /back references/],
    ['(?<n>a)\\k<n>', /back references/],
    ['(?<!a)b', /look-behind/],
    ['(a', /not a valid/],
    ['.{0,20}[^a]{0,20}.{1,20}', /more than 2/],
    ['a{0,9}b{0,9}a{0,9}b{0,9}a{0,9}b{0,9}a{0,9}', /more than 6/],
  ])('refuses %s', (source, why) => {
    expect(linearPatternProblem(source)).toMatch(why);
  });

  it.each(['shell ?= ?False', '[+*{]', '\\*\\+', 'a{3}', 'a{0,200}', '(?:ab)?', '\\){0,3}', '(?!x)y', '[\\]*]'])(
    'accepts %s',
    (source) => {
      expect(linearPatternProblem(source)).toBeUndefined();
    },
  );
});
