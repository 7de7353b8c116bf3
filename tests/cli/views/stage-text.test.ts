import { describe, expect, it } from 'vitest';
import { Curve } from '../../../src/cli/views/curve.js';
import type { StageProgress } from '../../../src/cli/views/run-progress.js';
import { outcomeText } from '../../../src/cli/views/stage-text.js';

const stage = (change: Partial<StageProgress>): StageProgress => ({
  stage: 'filter',
  state: 'cached',
  loss: new Curve(),
  ...change,
});

describe('outcomeText', () => {
  it('says why questions got no usable answer, and of other counts only how many', () => {
    const reasons = { not_relevant: 80, low_confidence: 9, truncated: 2, refused: 37 };
    const counts = { tasks: 299, kept: 171, rejected: 89, without_a_verdict: 39 };
    const told = '299 tasks, 171 kept, 89 rejected, 39 without a verdict (refused 37, truncated 2)';
    expect(outcomeText(stage({ counts, reasons }))).toBe(`cached: ${told}`);
    expect(outcomeText(stage({ state: 'done', seconds: 5, counts, reasons }))).toBe(`done in 5.0 s: ${told}`);
    const traces = { questions: 3, traces: 2, missing: 1 };
    expect(outcomeText(stage({ counts: traces, reasons: { refused: 1 } }))).toBe(
      'cached: 3 questions, 2 traces, 1 missing (refused 1)',
    );
    expect(outcomeText(stage({ counts: { ...traces, missing: 0 }, reasons: {} }))).toBe(
      'cached: 3 questions, 2 traces, 0 missing',
    );
  });
});
