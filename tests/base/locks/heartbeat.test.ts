import { readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { makeDirectory } from '../../../src/base/files/durable-directory.js';
import { beatPath, SilenceWatch, startHeartbeat } from '../../../src/base/locks/heartbeat.js';
import { watchFaults } from '../../support/fault-points.js';
import { fresh } from './planted-lock.js';

let path: string;
beforeEach(async () => {
  path = fresh();
  await makeDirectory(dirname(path));
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const beatsIn = () => readFile(path, 'utf8');
/** Stops the clock; only what waits with Node's own timers goes on. */
const stopClock = () => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
const turnIsOver = async () => {
  while (vi.getTimerCount() === 0) await setImmediate();
};

describe('startHeartbeat', () => {
  it('beats at every turn, having asked before', async () => {
    stopClock();
    const check = vi.fn(async () => {});
    const heart = await startHeartbeat(path, check, 5);
    expect(await beatsIn()).toBe('0');
    vi.advanceTimersByTime(4999);
    expect(check).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    await turnIsOver();
    expect(await beatsIn()).toBe('1');
    vi.advanceTimersByTime(5000);
    await heart.stop();
    expect(await beatsIn()).toBe('2');
    expect(check).toHaveBeenCalledTimes(2);
  });

  it('is silent once it is stopped', async () => {
    stopClock();
    const heart = await startHeartbeat(path, async () => {}, 5);
    await heart.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is stopped only when it has done what it was at, and silent then', async () => {
    stopClock();
    let answer: () => void = () => {};
    const question = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const heart = await startHeartbeat(path, () => question, 5);
    vi.advanceTimersByTime(5000);
    const order: string[] = [];
    const stopped = heart.stop().then(() => order.push('stopped'));
    await setImmediate();
    order.push('answered');
    answer();
    await stopped;
    expect(order).toEqual(['answered', 'stopped']);
    expect(await beatsIn()).toBe('1');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is silent for good after a bad answer', async () => {
    stopClock();
    const heart = await startHeartbeat(path, () => Promise.reject(new Error('lost')), 5);
    vi.advanceTimersByTime(5000);
    await heart.stop();
    expect(await beatsIn()).toBe('0');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('tries again when a beat could not be written', async () => {
    stopClock();
    const heart = await startHeartbeat(path, async () => {}, 5);
    {
      using _watch = await watchFaults(({ call }) => (call === 'write' ? { code: 'ENOSPC' } : 'none'));
      vi.advanceTimersByTime(5000);
      await turnIsOver();
      expect(await beatsIn()).toBe('0');
    }
    vi.advanceTimersByTime(5000);
    await heart.stop();
    expect(await beatsIn()).toBe('2');
  });
});

describe('SilenceWatch', () => {
  it('counts from when it saw the last sign, whenever that was given', async () => {
    const watch = new SilenceWatch(3);
    const clock = vi.spyOn(performance, 'now');
    const at = async (seconds: number) => {
      clock.mockReturnValue(seconds * 1000);
      return [await watch.silentFor(path, 'far'), await watch.isDead(path, 'far')];
    };
    expect(await at(1000)).toEqual([0, false]);
    expect(await at(1001)).toEqual([1, false]);
    expect(await at(1002.5)).toEqual([2.5, false]);
    await writeFile(beatPath(path, 'far'), '0');
    expect(await at(1010)).toEqual([0, false]);
    expect(await at(1012.5)).toEqual([2.5, false]);
    expect(await at(1013)).toEqual([3, true]);
    await writeFile(beatPath(path, 'far'), '1');
    expect(await at(1099)).toEqual([0, false]);
  });

  it('watches several at once', async () => {
    const watch = new SilenceWatch(3);
    const clock = vi.spyOn(performance, 'now').mockReturnValue(0);
    await watch.silentFor(path, 'one');
    clock.mockReturnValue(2000);
    expect(await watch.silentFor(path, 'two')).toBe(0);
    expect(await watch.silentFor(path, 'one')).toBe(2);
  });
});
