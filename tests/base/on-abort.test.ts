import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { onAbort } from '../../src/base/on-abort.js';

const listenersOf = ({ signal }: AbortController): number => getEventListeners(signal, 'abort').length;

describe('hearing of an abort', () => {
  it('takes one listener, however many hear of it, and none when all have left', () => {
    const controller = new AbortController();
    const told: number[] = [];
    const leave = [0, 1, 2].map((number) => onAbort(controller.signal, () => told.push(number)));
    expect(listenersOf(controller)).toBe(1);
    leave[1]?.();
    expect(listenersOf(controller)).toBe(1);
    for (const one of leave) one();
    expect(listenersOf(controller)).toBe(0);

    leave[3] = onAbort(controller.signal, () => told.push(3));
    // Once more for somebody who has left is nothing.
    leave[0]?.();
    expect(listenersOf(controller)).toBe(1);
    controller.abort();
    expect(told).toEqual([3]);
    expect(listenersOf(controller)).toBe(0);
  });

  it('tells each once, in the order in which they came, but not who has left by then', () => {
    const controller = new AbortController();
    const told: string[] = [];
    onAbort(controller.signal, () => {
      told.push('first');
      leaveThird();
      onAbort(controller.signal, () => told.push('too late'));
    });
    onAbort(controller.signal, () => told.push('second'));
    const leaveThird = onAbort(controller.signal, () => told.push('third'));
    controller.abort();
    controller.abort();
    expect(told).toEqual(['first', 'second']);
  });
});
