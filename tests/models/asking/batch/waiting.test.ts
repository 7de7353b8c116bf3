import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';
import type { Sha256 } from '../../../../src/base/hash.js';
import { Waiting } from '../../../../src/models/asking/batch/waiting.js';

const requests = Array.from({ length: 100 }, (_, number) => `${number}` as Sha256);
const nobody = (): void => undefined;

it('has one listener on a signal, however many questions are waited for', async () => {
  const { signal } = new AbortController();
  const waiting = new Waiting<string>();
  const settled = Promise.allSettled(requests.map((request) => waiting.wait(request, signal, nobody)));
  // Node goes through all of them for each that is added: their number is what made the time grow with its square.
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  for (const request of requests.slice(0, 50).toReversed()) waiting.settle(request, `about ${request}`);
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  waiting.failAll(new Error('all over'));
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  const values = (await settled).map((one) => (one.status === 'fulfilled' ? one.value : String(one.reason)));
  expect(values).toEqual(requests.map((request, number) => (number < 50 ? `about ${request}` : 'Error: all over')));
});

it('tells all who wait with a signal that it was aborted, and of which questions nobody waits any more', async () => {
  const one = new AbortController();
  const other = new AbortController();
  const waiting = new Waiting<string>();
  const left: string[] = [];
  const wait = (request: string, { signal }: AbortController): Promise<string> =>
    waiting.wait(request as Sha256, signal, () => left.push(request));
  const all = Promise.allSettled([wait('a', one), wait('b', one), wait('b', other), wait('c', other)]);
  one.abort(new Error('told to stop'));
  expect(left).toEqual(['a']);
  expect(requestsOf(waiting)).toEqual(['b', 'c']);
  for (const request of ['b', 'c']) waiting.settle(request as Sha256, 'there');
  expect(await all).toEqual([
    { status: 'rejected', reason: one.signal.reason },
    { status: 'rejected', reason: one.signal.reason },
    { status: 'fulfilled', value: 'there' },
    { status: 'fulfilled', value: 'there' },
  ]);
  await expect(wait('a', one)).rejects.toBe(one.signal.reason);
});

function requestsOf(waiting: Waiting<string>): string[] {
  return ['a', 'b', 'c'].filter((request) => waiting.has(request as Sha256));
}
