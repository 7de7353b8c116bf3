import { describe, expect, it } from 'vitest';
import { rateText, textFilterTable } from '../../../src/cli/views/probe-text.js';
import { rateOf } from '../../../src/suites/figures/rate.js';

describe('rateText', () => {
  it('shows share, interval and counts, and nothing of nothing', () => {
    expect(rateText(rateOf(9, 10))).toBe('0.90 (0.55–1.00) 9/10');
    expect(rateText(rateOf(0, 3))).toBe('0.00 (0.00–0.71) 0/3');
    expect(rateText(rateOf(0, 0))).toBe('–');
  });
});

describe('textFilterTable', () => {
  it('counts precision over what was dropped and recall over what had to be', () => {
    const figures = [
      { filter: 'leaks', part: 'held-out', counts: { found: 8, missed: 2, wronged: 1, spared: 9 } },
      { filter: 'depth', part: 'look', counts: { found: 0, missed: 0, wronged: 0, spared: 4 } },
    ];
    expect(textFilterTable(figures, (_, text) => text).split('\n')).toEqual([
      'filter of the curation  part      texts  precision             recall',
      'leaks                   held-out     20  0.89 (0.52–1.00) 8/9  0.80 (0.44–0.97) 8/10',
      'depth                   look          4  –                     –',
    ]);
  });
});
