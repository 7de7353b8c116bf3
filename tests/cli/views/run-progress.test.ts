import { describe, expect, it } from 'vitest';
import { RunProgress } from '../../../src/cli/views/run-progress.js';

/** Feeds one event every half a second, as a run writes them, `perEvent` units each. */
function fed(progress: RunProgress, events: number, perEvent: number, from: { at: number; done: number }): void {
  for (let number = 1; number <= events; number += 1) {
    const time = new Date(from.at + number * 500).toISOString();
    progress.apply({ type: 'progress', time, stage: 'filter', done: from.done + number * perEvent, unit: 'tasks' });
  }
}

describe('the rate of a stage', () => {
  it('is that of the last half minute', () => {
    const progress = new RunProgress();
    fed(progress, 80, 500, { at: 0, done: 0 });
    expect(progress.stage('filter').rate).toBe(1000);
    fed(progress, 61, 1500, { at: 40_000, done: 40_000 });
    expect(progress.stage('filter').rate).toBe(3000);
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
