import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { Ending } from '../../../src/models/asking/ending.js';
import { settle } from './fake-clock.js';

describe('Ending', () => {
  it('waits for what is under way, and throws the first error to all', async () => {
    const ending = new Ending();
    const { signal } = new AbortController();
    const one = ending.begin();
    const two = ending.begin();
    const thrown: unknown[] = [];
    const ends = ['first', 'second'].map((error) => ending.end(error, signal).catch((why) => thrown.push(why)));
    one();
    await settle();
    expect(thrown).toEqual([]);
    expect(ending.ends).toBe(true);
    two();
    await Promise.all(ends);
    expect(thrown).toEqual(['first', 'first']);
  });

  it('has one listener on a signal, however many wait for the end', async () => {
    const ending = new Ending();
    const { signal } = new AbortController();
    const ended = ending.begin();
    const ends = Promise.allSettled([1, 2, 3].map((error) => ending.end(error, signal)));
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    ended();
    await ends;
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('does not wait when nobody wants it any more', async () => {
    const ending = new Ending();
    const controller = new AbortController();
    ending.begin();
    const end = ending.end('error', controller.signal);
    controller.abort('stop');
    await expect(end).rejects.toBe('stop');
  });
});
