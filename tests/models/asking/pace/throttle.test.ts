import { getEventListeners, setMaxListeners } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RateCeiling } from '../../../../src/models/asking/pace/rate-ceiling.js';
import {
  type Permit,
  Throttle,
  type ThrottleEvent,
  type ThrottleOptions,
} from '../../../../src/models/asking/pace/throttle.js';
import { FakeClock, settle } from '../fake-clock.js';

/** A signal on which many may wait. */
function quietSignal(): AbortSignal {
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  return signal;
}

function setUp(overrides: Partial<ThrottleOptions> = {}) {
  const clock = new FakeClock();
  const events: ThrottleEvent[] = [];
  const throttle = new Throttle({
    name: 'm',
    endpoints: ['http://user:secret@host/v1?key=secret'],
    concurrency: { start: 4, max: 8 },
    saturationSeconds: 600,
    clock,
    ...overrides,
  });
  throttle.listen((event) => events.push(event));
  const permits: Permit[] = [];
  const errors: unknown[] = [];
  let asked = 0;
  return {
    clock,
    events,
    throttle,
    permits,
    errors,
    /** Queues so many questions; those that get a permit land in `permits`. */
    ask(count: number, { again = false, signal = quietSignal(), tokens = 10, question = '' } = {}) {
      for (let i = 0; i < count; i += 1) {
        asked += 1;
        throttle
          .acquire({ question: question === '' ? `q${asked}` : question, again, signal, tokens })
          .then((permit) => permits.push(permit))
          .catch((error: unknown) => errors.push(error));
      }
      return settle();
    },
    async end(count: number, result: Parameters<Permit['end']>[0]) {
      for (const permit of permits.splice(0, count)) permit.end(result);
      await settle();
    },
  };
}

const answered = { kind: 'answered', tokens: 10 } as const;
const overloaded = { kind: 'overloaded', message: '429 slow down' } as const;
const unreachable = { kind: 'unreachable', message: 'ECONNREFUSED' } as const;

describe('Throttle', () => {
  it('gives no more permits than allowed, and grows to its maximum while all are in use', async () => {
    const { permits, ask, end, throttle } = setUp();
    await ask(200);
    expect(permits).toHaveLength(4);
    await end(4, answered);
    expect(throttle.concurrency).toBe(8);
    expect(permits).toHaveLength(8);
    for (let round = 0; round < 10; round += 1) await end(8, answered);
    expect(permits).toHaveLength(8);
  });

  it('lets a lone failure slow nobody', async () => {
    const { permits, ask, end, throttle, events } = setUp({ concurrency: { start: 8, max: 8 } });
    await ask(200);
    for (let round = 0; round < 10; round += 1) {
      await end(1, overloaded);
      await end(15, answered);
      expect(permits).toHaveLength(8);
    }
    expect(throttle.concurrency).toBe(8);
    expect(events).toEqual([]);
  });

  it('cuts once per burst, however many attempts of it fail', async () => {
    const { permits, ask, end, throttle, events } = setUp({ concurrency: { start: 20, max: 64 } });
    await ask(60);
    const slow = permits.splice(0, 5);
    await end(15, overloaded);
    expect(throttle.concurrency).toBe(14);
    expect(events).toMatchObject([{ type: 'slower', concurrency: 14, pause_seconds: 0, message: '429 slow down' }]);
    for (const permit of slow) permit.end(answered);
    expect(throttle.concurrency).toBeGreaterThanOrEqual(14);
  });

  it('obeys Retry-After', async () => {
    const { clock, ask, end, permits } = setUp();
    await ask(8);
    await end(1, { ...overloaded, retryAfterSeconds: 20 });
    await end(3, answered);
    await clock.advance(19.9);
    expect(permits).toHaveLength(0);
    await clock.advance(0.2);
    expect(permits.length).toBeGreaterThan(0);
  });

  it('has one listener on a signal, however many wait for a place', async () => {
    const { ask, end } = setUp({ concurrency: { start: 1, max: 1 } });
    const { signal } = new AbortController();
    await ask(50, { signal });
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    for (let permit = 0; permit < 50; permit += 1) await end(1, answered);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('lets those go first that were tried before', async () => {
    const { throttle, ask, end, permits } = setUp({ concurrency: { start: 1, max: 1 } });
    await ask(3);
    const first: string[] = [];
    void throttle.acquire({ question: 'retry', again: true, tokens: 1, signal: quietSignal() }).then((permit) => {
      first.push('retry');
      permits.push(permit);
    });
    await end(1, answered);
    expect(first).toEqual(['retry']);
  });

  it('probes with one attempt at a time while nothing works, and comes back', async () => {
    const { clock, ask, end, throttle, permits, events } = setUp();
    await ask(40);
    await end(4, overloaded);
    await end(4, overloaded);
    expect(throttle.concurrency).toBe(1);
    expect(events.at(-1)).toMatchObject({ type: 'circuit-open', message: '429 slow down' });
    await end(8, overloaded);
    await clock.advance(1);
    expect(permits).toHaveLength(1);
    expect(permits[0]?.down).toBe(true);
    await clock.advance(20);
    await end(1, answered);
    expect(throttle.concurrency).toBe(1);
    await end(1, answered);
    expect(throttle.concurrency).toBe(2);
    expect(events.at(-1)).toMatchObject({ type: 'circuit-closed' });
  });

  it('does not blame the server when one question alone fails again and again', async () => {
    const { clock, ask, permits } = setUp();
    for (let attempt = 0; attempt < 6; attempt += 1) {
      await ask(1, { question: 'poison' });
      await clock.advance(60);
      const permit = permits.pop();
      permit?.end({ kind: 'faulty', message: '500' });
      expect(permit?.down).toBe(false);
    }
  });

  it('gives a saturated server up after a while, and says so', async () => {
    const { clock, ask, end, errors, throttle } = setUp({ saturationSeconds: 300 });
    await ask(100);
    for (let i = 0; i < 12 && errors.length === 0; i += 1) {
      await end(8, { ...overloaded, retryAfterSeconds: 100 });
      await clock.advance(100);
    }
    expect(errors.length).toBeGreaterThan(90);
    expect(errors[0]).toMatchObject({ code: 'models/saturated', message: expect.stringContaining('429 slow down') });
    expect(() => throttle.throwIfBroken()).toThrow('Model "m" at http://host/v1 has answered nothing for 300 s');
    throttle.forgive();
    expect(() => throttle.throwIfBroken()).not.toThrow();
  });

  it('gives up after half a minute where nobody has ever said a word, and names the address without its secrets', async () => {
    const { clock, ask, end, errors } = setUp();
    await ask(100);
    let seconds = 0;
    for (; errors.length === 0 && seconds < 100; seconds += 1) {
      await end(8, unreachable);
      await clock.advance(1);
    }
    expect(seconds).toBeLessThan(30);
    expect(errors[0]).toMatchObject({
      code: 'models/unreachable',
      message: expect.stringMatching(
        /^Nobody answers at http:\/\/host\/v1 for model "m", tried for \d+ s: ECONNREFUSED$/,
      ),
    });
  });

  it('is patient with one that has said something, be it an error', async () => {
    const { clock, ask, end, errors } = setUp();
    await ask(100);
    await end(1, overloaded);
    for (let seconds = 0; seconds < 60; seconds += 1) {
      await end(8, unreachable);
      await clock.advance(1);
    }
    expect(errors).toEqual([]);
  });

  it('lets go of whoever is aborted while waiting, also during a pause', async () => {
    const { clock, ask, end, errors } = setUp();
    const controller = new AbortController();
    await ask(4);
    await end(1, { ...overloaded, retryAfterSeconds: 100 });
    await ask(3, { signal: controller.signal });
    controller.abort('stop');
    await settle();
    expect(errors).toEqual(['stop', 'stop', 'stop']);
    // No timer may hold the process.
    expect(clock.nextWakeSeconds).toBe(undefined);
  });

  it('keeps to requests per minute', async () => {
    const { clock, ask, permits } = setUp({ concurrency: { start: 100, max: 100 }, requestsPerMinute: 60 });
    await ask(100);
    await clock.advance(30);
    // 30 in half a minute, and a burst of two seconds.
    expect(permits).toHaveLength(33);
  });

  it('gives back the tokens that an attempt did not use', async () => {
    const { clock, ask, end, permits } = setUp({ concurrency: { start: 1, max: 1 }, tokensPerMinute: 6000 });
    await ask(3, { tokens: 6000 });
    await end(1, { kind: 'answered', tokens: 100 });
    await clock.advance(1);
    expect(permits).toHaveLength(1);
    await end(1, { kind: 'answered', tokens: 6000 });
    await clock.advance(10);
    expect(permits).toHaveLength(0);
    await clock.advance(60);
    expect(permits).toHaveLength(1);
  });
});

describe('several endpoints', () => {
  const endpoints = ['http://a/v1', 'http://b/v1', 'http://c/v1'];
  const countAt = (permits: readonly Permit[]) =>
    endpoints.map((endpoint) => permits.filter((permit) => permit.endpoint === endpoint).length);

  it('share the questions by how much room they have', async () => {
    const { ask, permits, throttle } = setUp({ endpoints, concurrency: { start: 4, max: 4 } });
    await ask(6);
    expect(countAt(permits)).toEqual([2, 2, 2]);
    await ask(30);
    expect(countAt(permits)).toEqual([4, 4, 4]);
    expect(throttle.concurrency).toBe(12);
    for (const permit of permits.splice(0)) if (permit.endpoint === 'http://b/v1') permit.end(answered);
    await settle();
    expect(countAt(permits)).toEqual([0, 4, 0]);
  });

  it('go on without one that is down, and without a word when it is given up', async () => {
    const { clock, ask, permits, errors, events } = setUp({ endpoints, saturationSeconds: 20 });
    await ask(400);
    for (let tenth = 0; tenth < 300; tenth += 1) {
      for (const permit of permits.splice(0)) permit.end(permit.endpoint === 'http://b/v1' ? unreachable : answered);
      await clock.advance(0.1);
      await ask(20);
    }
    expect(errors).toEqual([]);
    expect(countAt(permits)[1]).toBe(0);
    expect(events.map(({ type, where }) => `${type}${where}`)).toEqual([
      'circuit-open at http://b/v1',
      'given-up at http://b/v1',
    ]);
  });
});

describe('RateCeiling', () => {
  it('never lets more through in a minute than the ceiling, its burst and one booking', () => {
    const bookings = fc.array(fc.record({ units: fc.integer({ min: 1, max: 50 }), pause: fc.nat(5000) }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(bookings, fc.integer({ min: 10, max: 1000 }), (all, perMinute) => {
        const ceiling = new RateCeiling(perMinute);
        let now = 0;
        const used = all.map(({ units, pause }) => {
          now += pause;
          return { units, at: now + ceiling.book(units, now) };
        });
        for (const { at } of used) {
          const inMinute = used.filter((other) => other.at >= at && other.at < at + 60_000);
          const total = inMinute.reduce((sum, { units }) => sum + units, 0);
          expect(total).toBeLessThanOrEqual(perMinute + perMinute / 30 + 50 + 1e-6);
        }
      }),
    );
  });
});
