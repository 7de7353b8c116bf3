import { expect, it } from 'vitest';
import { duration } from '../../../src/stages/report/format.js';

it.each([
  [0.42, '0.4 s'],
  [9.97, '10 s'],
  [59.7, '1 min 0 s'],
  [115, '1 min 55 s'],
  [179.7, '3 min 0 s'],
  [9000, '2.5 h'],
])('writes %d seconds as people read them', (seconds, written) => {
  expect(duration(seconds)).toBe(written);
});
