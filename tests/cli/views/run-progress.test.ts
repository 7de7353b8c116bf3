import { describe, expect, it } from 'vitest';
import { RunProgress } from '../../../src/cli/views/run-progress.js';

/** Feeds one event a millisecond, `perEvent` units each. */
function fed(progress: RunProgress, milliseconds: number, perEvent: number, from = 0): void {
  for (let at = 1; at <= milliseconds; at += 1) {
    const time = new Date(from + at).toISOString();
    progress.apply({ type: 'progress', time, stage: 'filter', done: from + at * perEvent, unit: 'tasks' });
  }
}

describe('the rate of a stage', () => {
  it('is that of the last half minute, however close together the events come', () => {
    const progress = new RunProgress();
    fed(progress, 40_000, 1);
    expect(progress.stage('filter').rate).toBeCloseTo(1000, -1);
    fed(progress, 40_000, 3, 40_000);
    expect(progress.stage('filter').rate).toBeCloseTo(3000, -1);
  });

  it('does not count what was there at the beginning', () => {
    const progress = new RunProgress();
    const at = (milliseconds: number, done: number): void =>
      progress.apply({
        type: 'progress',
        time: new Date(milliseconds).toISOString(),
        stage: 'filter',
        done,
        unit: 'tasks',
      });
    at(0, 900_000);
    at(1, 900_001);
    at(2000, 902_000);
    expect(progress.stage('filter').rate).toBe(1000);
  });
});
