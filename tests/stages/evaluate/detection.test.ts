import { expect, it } from 'vitest';
import { detectionLines } from '../../../src/stages/evaluate/detection.js';
import { loadMini } from '../../support/mini.js';

it('says before a run what gain it could find', async () => {
  const mini = await loadMini();
  const line = (samples: number, change: Partial<typeof mini> = {}) =>
    detectionLines([{ ...mini, ...change }], { mini: { samples } }).join('\n');
  expect(line(5)).toMatch(
    /^mini: 18 problems with 5 answers each: a true gain of \d\d points in func-sec@1 would be found in about 4 of 5 runs, a smaller one less often$/,
  );
  expect(line(1, { measures: ['functional'] })).toContain('points in func@1');
  expect(line(1, { problems: mini.problems.slice(0, 3) })).toBe(
    'mini: 3 problems with 1 answer each are too few to tell any gain from chance',
  );
});
