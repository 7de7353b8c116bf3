import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { StageEvent } from '../../../src/engine/runs/event.js';
import { throttleProgress } from '../../../src/engine/runs/progress-throttle.js';

const progress = (done: number, unit = 'rows', total = 1_000_000): StageEvent => ({
  type: 'progress',
  done,
  total,
  unit,
});

function throttled(everyMs: number) {
  const seen: StageEvent[] = [];
  return { seen, ...throttleProgress((event) => seen.push(event), everyMs) };
}

describe('throttleProgress', () => {
  it('makes few events of a million, the first and the last among them', () => {
    const { seen, emit } = throttled(60_000);
    for (let done = 1; done <= 1_000_000; done += 1) emit(progress(done));
    expect(seen).toEqual([progress(1), progress(1_000_000)]);
  });

  it('says after a while what it held back, and at the end', async () => {
    const { seen, emit, end } = throttled(20);
    for (const done of [1, 2, 3]) emit(progress(done));
    expect(seen).toEqual([progress(1)]);
    await sleep(60);
    expect(seen).toEqual([progress(1), progress(3)]);
    emit(progress(4));
    emit(progress(5));
    end();
    expect(seen.at(-1)).toEqual(progress(5));
    emit(progress(6));
    end();
    expect(seen.at(-1)).toEqual(progress(5));
  });

  it('holds nothing else back, and begins anew with another piece of work', () => {
    const { seen, emit } = throttled(60_000);
    const log: StageEvent = { type: 'log', level: 'info', message: 'x' };
    emit(progress(1));
    emit(progress(2));
    emit(log);
    emit(progress(0, 'files', 3));
    emit(progress(1, 'files', 3));
    emit(progress(3, 'files', 3));
    expect(seen).toEqual([progress(1), log, progress(2), progress(0, 'files', 3), progress(3, 'files', 3)]);
  });
});
