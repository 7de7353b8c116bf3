import { setMaxListeners } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RateCeiling } from '../../../src/models/asking/rate-ceiling.js';
import {
  type Permit,
  Throttle,
  type ThrottleEvent,
  type ThrottleOptions,
} from '../../../src/models/asking/throttle.js';
import { FakeClock, settle } from './fake-clock.js';

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
    name: 'model m at http://host',
    concurrency: { start: 4, max: 8 },
    saturationSeconds: 600,
    clock,
    onEvent: (event) => events.push(event),
    ...overrides,
  });
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
    ask(count: number, { priority = 0, signal = quietSignal(), tokens = 10, question = '' } = {}) {
      for (let i = 0; i < count; i += 1) {
        asked += 1;
        throttle
          .acquire({ question: question === '' ? `q${asked}` : question, priority, signal, tokens })
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
  it('gives no more permits than allowed, and grows slowly to its maximum while all are in use', async () => {
    const { permits, ask, end, throttle } = setUp();
    await ask(200);
    expect(permits).toHaveLength(4);
    await end(4, answered);
    expect(throttle.concurrency).toBe(5);
    expect(permits).toHaveLength(5);
    for (let round = 0; round < 10; round += 1) await end(8, answered);
    expect(throttle.concurrency).toBe(8);
    expect(permits).toHaveLength(8);
  });

  it('does not grow on capacity that nobody uses', async () => {
    const { ask, end, throttle } = setUp();
    for (let i = 0; i < 50; i += 1) {
      await ask(1);
      await end(1, answered);
    }
    expect(throttle.concurrency).toBe(4);
  });

  it('cuts once per burst, however many attempts of it fail', async () => {
    const { ask, end, throttle, events } = setUp({ concurrency: { start: 10, max: 64 } });
    await ask(30);
    await end(10, overloaded);
    expect(throttle.concurrency).toBe(7);
    expect(events).toEqual([{ type: 'slower', concurrency: 7, pause_seconds: 1, message: '429 slow down' }]);
  });

  it('grows by one a round after a cut', async () => {
    const { clock, ask, end, throttle } = setUp({ concurrency: { start: 10, max: 64 } });
    await ask(100);
    await end(10, overloaded);
    await clock.advance(1);
    await end(7, answered);
    expect(throttle.concurrency).toBe(7);
    await end(2, answered);
    expect(throttle.concurrency).toBe(8);
  });

  it('obeys Retry-After, with a cap', async () => {
    const { clock, ask, end, permits } = setUp();
    await ask(8);
    await end(1, { ...overloaded, retryAfterSeconds: 20 });
    await end(3, answered);
    await clock.advance(19.9);
    expect(permits).toHaveLength(0);
    await clock.advance(0.2);
    expect(permits.length).toBeGreaterThan(0);
    await end(1, { ...overloaded, retryAfterSeconds: 86_400 });
    expect(clock.nextWakeSeconds).toBe(300);
  });

  it('lets retries go first', async () => {
    const { throttle, ask, end, permits } = setUp({ concurrency: { start: 1, max: 1 } });
    await ask(3);
    const first: string[] = [];
    void throttle
      .acquire({ question: 'retry', priority: 1, tokens: 1, signal: new AbortController().signal })
      .then((permit) => {
        first.push('retry');
        permits.push(permit);
      });
    await end(1, answered);
    expect(first).toEqual(['retry']);
  });

  it('probes with one attempt at a time while nothing works, and comes back', async () => {
    const { clock, ask, end, throttle, permits, events } = setUp();
    await ask(40);
    for (let burst = 0; burst < 3; burst += 1) {
      await end(8, unreachable);
      await clock.advance(60);
    }
    expect(throttle.concurrency).toBe(1);
    expect(throttle.down).toBe(true);
    expect(events.at(-1)).toEqual({ type: 'circuit-open', message: 'ECONNREFUSED' });
    await end(8, unreachable);
    await clock.advance(60);
    expect(permits).toHaveLength(1);
    await end(1, answered);
    expect(throttle.down).toBe(false);
    expect(throttle.concurrency).toBe(4);
    expect(events.at(-1)).toEqual({ type: 'circuit-closed', concurrency: 4 });
  });

  it('does not blame the server when one question alone fails again and again', async () => {
    const { clock, ask, end, throttle } = setUp();
    for (let attempt = 0; attempt < 5; attempt += 1) {
      await ask(1, { question: 'poison' });
      await end(1, unreachable);
      await clock.advance(60);
    }
    expect(throttle.down).toBe(false);
  });

  it('gives a saturated server up after a while, and says so', async () => {
    const { clock, ask, end, errors, throttle } = setUp({ saturationSeconds: 300 });
    await ask(100);
    for (let i = 0; i < 12 && errors.length === 0; i += 1) {
      await end(8, { ...overloaded, retryAfterSeconds: 100 });
      await clock.advance(100);
    }
    expect(errors.length).toBeGreaterThan(0);
    expect(errors[0]).toMatchObject({ code: 'models/saturated', message: expect.stringContaining('429 slow down') });
    expect(() => throttle.throwIfBroken()).toThrow('has answered nothing for 300 s');
  });

  it('lets go of whoever is aborted while waiting, also during a pause', async () => {
    const { ask, end, errors, throttle } = setUp();
    const controller = new AbortController();
    await ask(4);
    await end(1, { ...overloaded, retryAfterSeconds: 100 });
    await ask(3, { signal: controller.signal });
    controller.abort('stop');
    await settle();
    expect(errors).toEqual(['stop', 'stop', 'stop']);
    throttle.close();
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
