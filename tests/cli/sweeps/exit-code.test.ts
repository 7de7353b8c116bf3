import { expect, it } from 'vitest';
import { exitCodeOfAll } from '../../../src/cli/sweeps/exit-code.js';

it.each([
  ['all went well', [0, 0], 0],
  ['one failed', [0, 1, 0], 1],
  ['a gate said no to one', [0, 3], 3],
  ['one failed and a gate said no to another', [3, 1, 0], 1],
  ['what was chosen makes no sense for any', [2, 2], 2],
  ['it makes no sense for one, and a gate said no to another', [2, 3], 1],
  ['it has left', [75, 1, 3], 75],
  ['it was interrupted', [0, 1, 3, 143, 143], 143],
])('%s', (_what, members, expected) => {
  expect(exitCodeOfAll(members)).toBe(expected);
});
