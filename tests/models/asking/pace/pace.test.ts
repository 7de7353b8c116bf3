import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AttemptEnd, Pace, type Started } from '../../../../src/models/asking/pace/pace.js';
import { answered, broken, refused, type Server, type Simulated, simulate } from './simulate.js';

const LATENCY_MS = 50;

/** Answers after 50 ms; each fault strikes with its probability and holds its place for so long. */
function faulty(
  ...faults: readonly { readonly share: number; readonly ms: number; readonly end: AttemptEnd }[]
): Server {
  return (_now, _busy, random) => {
    let drawn = random();
    for (const { share, ms, end } of faults) {
      if (drawn < share) return { end, ms };
      drawn -= share;
    }
    return { end: answered, ms: LATENCY_MS * (0.9 + 0.2 * random()) };
  };
}

/** Works on so many at once, and refuses the rest within 2 ms. */
const withRoomFor =
  (room: number): Server =>
  (_now, busy, random) =>
    busy < room ? { end: answered, ms: LATENCY_MS * (0.9 + 0.2 * random()) } : { end: refused, ms: 2 };

/** Down for so long, from the second second on. */
const downFor =
  (seconds: number, end: AttemptEnd = refused): Server =>
  (now, _busy, random) =>
    now >= 2000 && now < 2000 + seconds * 1000
      ? { end, ms: 1 }
      : { end: answered, ms: LATENCY_MS * (0.9 + 0.2 * random()) };

/** The share of the throughput that c places have when each fault only costs the time that it holds its place. */
function shareOfIdeal({ nearlyAll }: Simulated, rows: number, places: number, holdMs = 0): number {
  return (0.97 * rows * (LATENCY_MS + holdMs)) / 1000 / places / nearlyAll;
}

describe('noise slows nobody', () => {
  it.each([
    ['2 % of 429', [{ share: 0.02, ms: 1, end: refused }]],
    ['5 % of 503', [{ share: 0.05, ms: 1, end: refused }]],
    ['1 % of 500', [{ share: 0.01, ms: LATENCY_MS, end: refused }]],
    ['1 % of resets', [{ share: 0.01, ms: LATENCY_MS, end: broken }]],
    ['0.5 % that stall for 5 s', [{ share: 0.005, ms: 5000, end: broken }]],
    [
      'all of these',
      [
        { share: 0.02, ms: 1, end: refused },
        { share: 0.01, ms: LATENCY_MS, end: broken },
        { share: 0.01, ms: LATENCY_MS, end: { kind: 'faulty', message: 'cut off' } as const },
        { share: 0.005, ms: 5000, end: broken },
      ],
    ],
  ])('%s', (_name, faults) => {
    const holdMs = faults.reduce((sum, { share, ms }) => sum + share * ms, 0);
    for (const places of [8, 200]) {
      const rows = places * 250;
      const run = simulate({ rows, concurrency: { start: 8, max: places }, server: faulty(...faults), seed: places });
      expect(shareOfIdeal(run, rows, places, holdMs)).toBeGreaterThan(0.9);
      expect(run.changes.filter(({ type }) => type === 'slower')).toEqual([]);
    }
  });

  it('not even where it comes at once and answers take a minute', () => {
    const slow: Server = (_now, _busy, random) =>
      random() < 0.02 ? { end: refused, ms: 1 } : { end: answered, ms: 60_000 };
    const { changes } = simulate({ rows: 2000, concurrency: { start: 64, max: 64 }, server: slow, seed: 1 });
    expect(changes).toEqual([]);
  });

  it('nor a burst of fifty now and then', () => {
    let left = 0;
    let next = 2000;
    const server: Server = (now, _busy, random) => {
      if (now >= next) {
        left = 50;
        next += 2000;
      }
      left -= 1;
      return left >= 0 ? { end: refused, ms: 1 } : { end: answered, ms: LATENCY_MS * (0.9 + 0.2 * random()) };
    };
    const rows = 20_000;
    const run = simulate({ rows, concurrency: { start: 8, max: 64 }, server, seed: 1 });
    expect(shareOfIdeal(run, rows, 64)).toBeGreaterThan(0.9);
    expect(run.changes.length).toBeGreaterThan(2);
  });
});

describe('load', () => {
  it.each([3, 10, 60, 200])('is kept just below what the server takes (%i)', (room) => {
    const rows = room * 400;
    const run = simulate({ rows, concurrency: { start: 8, max: 256 }, server: withRoomFor(room), seed: 1 });
    expect(shareOfIdeal(run, rows, room)).toBeGreaterThan(0.85);
    expect(run.attempts).toBeLessThan(rows * 1.5);
  });

  it('is kept where answers take a minute and a full server refuses at once', () => {
    const room = 40;
    const server: Server = (_now, busy, random) =>
      busy < room ? { end: answered, ms: 60_000 * (0.9 + 0.2 * random()) } : { end: refused, ms: 2 };
    const rows = room * 40;
    const { nearlyAll, attempts } = simulate({ rows, concurrency: { start: 64, max: 64 }, server, seed: 1 });
    expect((0.97 * rows * 60) / room / nearlyAll).toBeGreaterThan(0.85);
    expect(attempts).toBeLessThan(rows * 3);
  });

  it('is found again when the server takes less than it did, and more', () => {
    const server: Server = (now, busy, random) => withRoomFor(now < 5000 || now > 20_000 ? 200 : 40)(now, busy, random);
    const { answers } = simulate({
      ...{ rows: 1_000_000, concurrency: { start: 8, max: 256 }, server, seed: 1, untilMs: 30_000 },
    });
    const perSecond = (from: number, to: number) =>
      answers.slice(from * 10, to * 10).reduce((sum, count) => sum + count, 0) / (to - from);
    expect(perSecond(2, 5)).toBeGreaterThan(4000 * 0.85);
    expect(perSecond(7, 20)).toBeGreaterThan(800 * 0.85);
    expect(perSecond(26, 30)).toBeGreaterThan(4000 * 0.85);
  });
});

describe('an outage', () => {
  it.each([
    [64, 2, refused],
    [256, 8, refused],
    [256, 8, broken],
    [256, 60, refused],
    [8, 8, broken],
  ])('at %i places of %i s leaves the old pace, and is over soon after', (places, seconds, end) => {
    const run = simulate({
      ...{ rows: 1_000_000, concurrency: { start: 8, max: places }, server: downFor(seconds, end), seed: 1 },
      untilMs: (2 + seconds * 1.25 + 4) * 1000,
    });
    const back = run.changes.find(({ type }) => type === 'circuit-closed')?.at ?? Number.POSITIVE_INFINITY;
    expect(back / 1000).toBeLessThan(2 + seconds * 1.25 + 1);
    // A second later everything is as it was.
    const second = run.answers.slice(back / 100 + 10, back / 100 + 20).reduce((sum, count) => sum + count, 0);
    expect(second).toBeGreaterThan((places / LATENCY_MS) * 1000 * 0.9);
  });

  it('is knocked at gently', () => {
    const rows = 1_000_000;
    const { attempts, answers } = simulate({
      ...{ rows, concurrency: { start: 8, max: 256 }, server: downFor(300), seed: 1, untilMs: 302_000 },
    });
    const asked = answers.reduce((sum, count) => sum + count, 0);
    expect(attempts - asked).toBeLessThan(1500);
  });

  it('is noticed although some attempts hang', () => {
    const server: Server = (now, busy, random) =>
      random() < 0.005 ? { end: broken, ms: 5000 } : downFor(8)(now, busy, random);
    const run = simulate({
      ...{ rows: 1_000_000, concurrency: { start: 8, max: 256 }, server, seed: 1, untilMs: 12_000 },
    });
    const second = run.answers.slice(110, 120).reduce((sum, count) => sum + count, 0);
    expect(second).toBeGreaterThan(4000);
  });

  it.each([
    [10, 1],
    [10, 2],
    [10, 3],
    // Longer than the outage lasts, and more of them than there are places by then.
    [60, 1],
    [60, 2],
    [60, 3],
  ])('is over at once too where what began before it is answered all along, or hangs for %i s (%i)', (hangs, seed) => {
    // The server goes on with what it has taken: one in a hundred answers takes five seconds more, one in two hundred never comes.
    const server: Server = (now, busy, random) => {
      const fate = downFor(8)(now, busy, random);
      const drawn = random();
      if (fate.end.kind !== 'answered' || drawn >= 0.015) return fate;
      return drawn < 0.005 ? { end: broken, ms: hangs * 1000 } : { ...fate, ms: fate.ms + 5000 };
    };
    const run = simulate({
      ...{ rows: 1_000_000, concurrency: { start: 256, max: 256 }, server, seed, untilMs: 13_000 },
    });
    const within = (from: number, to: number) =>
      run.answers.slice(from * 10, to * 10).reduce((sum, count) => sum + count, 0);
    expect(within(11, 13)).toBeGreaterThan(within(0, 2) * 0.4);
    expect(run.attempts - within(0, 13)).toBeLessThan(1000);
  });
});

describe('Pace', () => {
  it('stays within its limits and never gets stuck, whatever the server does', () => {
    const fate = fc.record({
      end: fc.constantFrom<AttemptEnd>(
        answered,
        answered,
        refused,
        { kind: 'overloaded', message: '503', retryAfterSeconds: 2 },
        broken,
        { kind: 'faulty', message: 'html' },
        { kind: 'void' },
      ),
      ms: fc.integer({ min: 0, max: 3000 }),
    });
    fc.assert(
      fc.property(fc.array(fate, { maxLength: 120 }), fc.integer({ min: 1, max: 20 }), (fates, max) => {
        let call = 0;
        const server: Server = () => fates[call++] ?? { end: answered, ms: 10 };
        const run = simulate({ rows: 100, concurrency: { start: 1, max }, server, seed: 1 });
        expect(run.limits.every((limit) => limit === undefined || (limit >= 1 && limit <= max))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('obeys Retry-After, of a single attempt too, and up to five minutes', () => {
    const pace = new Pace({ start: 8, max: 8 }, () => 1);
    const [one, two] = [pace.begin(0), pace.begin(0)];
    pace.end(one, answered, 10, true);
    const change = pace.end(two, { kind: 'overloaded', message: '429', retryAfterSeconds: 20 }, 10, true);
    expect(change).toMatchObject({ type: 'slower', pause_seconds: 20 });
    expect(pace.next(10)).toBe(20_010);
    const three = pace.begin(20_010);
    pace.end(three, { kind: 'overloaded', message: '429', retryAfterSeconds: 86_400 }, 20_020, true);
    expect(pace.next(20_020)).toBe(320_020);
  });

  it('waits for nobody who hangs once an outage is over', () => {
    const pace = new Pace({ start: 8, max: 8 }, () => 1);
    const attempts = Array.from({ length: 8 }, () => pace.begin(0));
    for (const [index, at] of [0, 0, 0, 40_000].entries()) pace.end(attempts[index] as Started, broken, at, true);
    expect(pace.open).toBe(true);
    const at = pace.next(40_000) ?? 0;
    pace.end(pace.begin(at), answered, at + 50, true);
    // Four hang, and it comes back with two places.
    expect([pace.open, pace.concurrency, pace.next(at + 50)]).toEqual([false, 2, at + 50]);
  });

  it('tries again soon when what it tried was refused for its content', () => {
    const pace = new Pace({ start: 4, max: 4 }, () => 1);
    for (const attempt of Array.from({ length: 4 }, () => pace.begin(0))) pace.end(attempt, broken, 0, true);
    expect(pace.open).toBe(true);
    const at = pace.next(0) ?? 0;
    pace.end(pace.begin(at), { kind: 'void' }, at + 50, true);
    expect([pace.open, pace.next(at + 50)]).toEqual([true, at + 550]);
  });

  it('does not try beside what it tries because an earlier attempt was refused', () => {
    const pace = new Pace({ start: 20, max: 20 }, () => 1);
    const [early, ...others] = Array.from({ length: 20 }, () => pace.begin(0)) as [Started, ...Started[]];
    for (const attempt of others) pace.end(attempt, broken, 0, true);
    const at = pace.next(0) ?? 0;
    pace.begin(at);
    pace.end(early, { kind: 'void' }, at + 50, true);
    expect([pace.open, pace.next(at + 50)]).toEqual([true, at + 30_000]);
  });

  it('knows that all have failed, also when one of them was one too many', () => {
    const pace = new Pace({ start: 8, max: 8 }, () => 1);
    const attempts = Array.from({ length: 8 }, () => pace.begin(0));
    const [first, second, ...others] = attempts as [Started, Started, ...Started[]];
    pace.end(first, { kind: 'overloaded', message: '429', retryAfterSeconds: 1 }, 10, true);
    pace.end(second, answered, 20, true);
    expect([pace.concurrency, pace.next(1010)]).toEqual([5, 1010]);
    const beside = pace.begin(1010);
    for (const each of [...others.slice(0, 3), beside, ...others.slice(3)]) pace.end(each, broken, 1100, true);
    expect(pace.allFailed(2)).toBe(true);
  });

  it('does not grow on room that nobody uses', () => {
    const pace = new Pace({ start: 4, max: 64 }, () => 1);
    for (let time = 0; time < 100; time += 1) pace.end(pace.begin(time), answered, time, false);
    expect(pace.concurrency).toBe(4);
  });

  it('doubles every round until it learns better', () => {
    const pace = new Pace({ start: 4, max: 64 }, () => 1);
    const round = () => {
      const attempts = Array.from({ length: pace.concurrency }, () => pace.begin(0));
      for (const attempt of attempts) pace.end(attempt, answered, 0, true);
      return pace.concurrency;
    };
    expect([round(), round(), round(), round(), round()]).toEqual([8, 16, 32, 64, 64]);
  });
});
