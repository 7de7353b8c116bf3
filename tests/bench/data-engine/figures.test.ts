import { describe, expect, it } from 'vitest';
import type { Contender } from '../../../bench/data-engine/contender.js';
import { type Fate, fateOf, idealOf } from '../../../bench/data-engine/faults.js';
import { figuresOf, lostOf } from '../../../bench/data-engine/figures.js';
import type { Served } from '../../../bench/data-engine/server.js';

/** Every 100 ms from one moment to before another, ten a second. */
const steadily = (from: number, to: number, every = 100): readonly number[] =>
  Array.from({ length: Math.ceil((to - from) / every) }, (_, index) => from + every * index);

/** A digest that meets these fates, one attempt after the other. */
function meeting(...fates: readonly Fate[]): string {
  for (let number = 0; ; number += 1) {
    if (fates.every((fate, attempt) => fateOf(`${number}`, attempt) === fate)) return `${number}`;
  }
}

describe('the ideal', () => {
  const clean = { latencyMs: 50, faults: false };

  it('without faults is the latency by the number of turns', () => {
    const digests = Array.from({ length: 10 }, (_, id) => `${id}`);
    // 10 · 50 ms; and the last question with all but one place empty.
    expect(idealOf(digests, 1, clean)).toEqual({ seconds: 0.5, withTail: 0.5 });
    expect(idealOf(digests, 2, clean)).toEqual({ seconds: 0.25, withTail: 0.25 + 0.025 });
    expect(idealOf(digests, 5, clean)).toEqual({ seconds: 0.1, withTail: 0.1 + 0.04 });
  });

  it.each<[number, readonly Fate[]]>([
    [50, ['answered']],
    [5050, ['slow']],
    [50, ['refused', 'answered']],
    [100, ['reset', 'answered']],
    [100, ['truncated', 'answered']],
    [5100, ['stalled', 'answered']],
    [5100, ['reset', 'slow']],
    [100, ['refused', 'truncated', 'answered']],
  ])('holds a place for %i ms where a question is %j, and waits 11 s in windows', (milliseconds, fates) => {
    const { seconds, withTail } = idealOf([meeting(...fates)], 4, { latencyMs: 50, faults: true });
    expect(seconds).toBeCloseTo(milliseconds / 4000 + 11, 9);
    expect(withTail).toBeCloseTo(milliseconds / 1000 + 11, 9);
  });

  it('meets about the shares of faults that the page tells', () => {
    const tries = 4000;
    const counts = new Map<Fate, number>();
    for (let id = 0; id < tries; id += 1) {
      const fate = fateOf(`task ${id}`, 0);
      counts.set(fate, (counts.get(fate) ?? 0) + 1);
    }
    // Within three standard deviations.
    const shares = [
      ['refused', 0.02],
      ['reset', 0.01],
      ['truncated', 0.01],
      ['stalled', 0.005],
      ['slow', 0.955 * 0.01],
    ] as const;
    for (const [fate, share] of shares)
      expect(Math.abs((counts.get(fate) ?? 0) - tries * share)).toBeLessThan(3 * Math.sqrt(tries * share));
  });
});

const served = (more: Partial<Served>): Served => ({
  requests: 0,
  answers: {},
  first: 0,
  times: [],
  outage: undefined,
  ...more,
});
const measured = { seconds: 8, cpuSeconds: 3, peakBytes: 250_000_000, code: 0 };
const given = {
  contender: 'c',
  concurrency: 2,
  faults: true,
  tasks: 1000,
  lost: 0,
  afterEdit: undefined,
  ideal: { seconds: 1, withTail: 2 },
};
const recovery = (times: readonly number[], outage: Served['outage']): number | undefined =>
  figuresOf(measured, served({ times, outage }), given).recoverySeconds;

describe('figures', () => {
  it('are of the asking, of all that ran, and of a task', () => {
    const answers = { a: 1, b: 2, c: 3 };
    const figures = figuresOf(measured, served({ first: 500, times: [1000, 2500], answers, requests: 9 }), given);
    expect(figures).toMatchObject({
      seconds: 8,
      askingSeconds: 2,
      cpuMsPerTask: 3,
      peakMB: 250,
      twice: 2,
      requests: 9,
    });
    expect(figuresOf(measured, served({ first: 500 }), given).askingSeconds).toBe(0);
  });

  it('tell recovery from the end of an outage to the first second with 0.8 of the answers of one before it', () => {
    const outage = { from: 10_000, to: 18_000 };
    const before = steadily(0, 10_000);
    expect(recovery(before, undefined)).toBeUndefined();
    // At once; those that came in between belong to neither side.
    expect(recovery([...before, ...steadily(10_100, 10_500), ...steadily(18_100, 25_000)], outage)).toBe(0.1);
    // Two a second for two seconds, then as before: the second that begins at 19.7 s has 19.7, 20.0, …, 20.6.
    const slowly = [18_500, 19_000, 19_700];
    expect(recovery([...before, ...slowly, ...steadily(20_000, 25_000)], outage)).toBe(1.7);
    // Nine a second is enough, seven is not.
    expect(recovery([...before, ...steadily(18_100, 25_000, 111)], outage)).toBe(0.1);
    expect(recovery([...before, ...steadily(18_100, 25_000, 143)], outage)).toBeUndefined();
    // What is left for less than a second proves nothing.
    expect(recovery([...before, ...steadily(18_100, 18_900)], outage)).toBeUndefined();
    expect(recovery(before, outage)).toBeUndefined();
  });

  it('compare recovery with the last three seconds before the outage, or with what there was', () => {
    // Ten a second only lately: two a second before that do not count.
    const lately = [...steadily(0, 7000, 500), ...steadily(7000, 10_000)];
    const halves = steadily(18_100, 25_000, 250);
    expect(recovery([...lately, ...halves], { from: 10_000, to: 18_000 })).toBeUndefined();
    expect(recovery([...steadily(0, 10_000, 250), ...halves], { from: 10_000, to: 18_000 })).toBe(0.1);
    expect(recovery([...steadily(0, 1000), ...steadily(9100, 12_000)], { from: 1000, to: 9000 })).toBe(0.1);
    expect(recovery([...steadily(0, 1000), ...steadily(9100, 12_000, 200)], { from: 1000, to: 9000 })).toBeUndefined();
  });
});

describe('lost rows', () => {
  const questions = ['a', 'b', 'c', 'd'].map((digest, id) => ({ id, prompt: '', messages: [], digest }));
  const trial = { folder: '', endpoint: '', concurrency: 1 };
  const holding = (...held: readonly (readonly [number, string])[]): Contender => ({
    name: 'c',
    command: async () => ({ argv: ['true'] }),
    async *answers() {
      yield* held;
    },
  });

  it('are those without an answer, with a wrong one, or with that to another question', async () => {
    const gave = served({ answers: { a: 1, b: 1, c: 1, d: 1 } });
    const lost = (...held: readonly (readonly [number, string])[]) => lostOf(holding(...held), trial, questions, gave);
    const right = questions.map(({ id, digest }) => [id, `an answer to ${digest}, really`] as const);
    expect(await lost()).toBe(4);
    expect(await lost(...right)).toBe(0);
    expect(await lost(...right.slice(1), [0, 'an answer to b'])).toBe(1);
    expect(await lost([0, 'answer to a'], [0, 'answer to a'], [2, ''], [9, 'answer to a'])).toBe(3);
  });

  it('cannot be counted of who has what nobody gave', async () => {
    const gave = served({ answers: { a: 1 } });
    await expect(lostOf(holding([1, 'answer to b']), trial, questions, gave)).rejects.toThrow('never gave it');
  });
});
