import { describe, expect, it } from 'vitest';
import { Hopes } from '../../../src/models/asking/hopes.js';
import type { AttemptFailure } from '../../../src/models/asking/wire/attempt-failure.js';

const refusal: AttemptFailure = { ok: false, reason: 'refused', retryable: false, message: '400 no' };
const forbidden: AttemptFailure = { ...refusal, fatal: 'forbidden', message: '403 no' };

/** After how many of these hope is given up, and what is thrown. */
function endOf(failure: AttemptFailure, { kept = 0, hasAnswered = false }): readonly [number, unknown] {
  const hopes = new Hopes('teacher', { hasAnswered });
  for (let one = 0; one < kept; one += 1) hopes.foundKept();
  for (let one = 1; one <= 100; one += 1) {
    try {
      hopes.throwIfNone(failure);
    } catch (error) {
      return [one, error];
    }
  }
  return [100, undefined];
}

describe('hopes', () => {
  it.each([
    [0, 8, 1],
    [1, 8, 8],
    [7, 8, 8],
    [8, 9, 9],
    [30, 31, 31],
  ])('are given up when more is refused than was answered before (%i)', (kept, refused, forbade) => {
    expect(endOf(refusal, { kept })).toMatchObject([refused, { code: 'models/refused' }]);
    expect(endOf(forbidden, { kept })).toMatchObject([forbade, { code: 'models/forbidden' }]);
  });

  it('are not given up on refusals once something is answered, and at once on a wrong key', () => {
    expect(endOf(refusal, { hasAnswered: true })).toEqual([100, undefined]);
    expect(endOf(forbidden, { hasAnswered: true })).toEqual([100, undefined]);
    for (const fatal of ['unauthorised', 'no-such-model', 'no-credit'] as const) {
      expect(endOf({ ...refusal, fatal }, { hasAnswered: true, kept: 9 })).toMatchObject([
        1,
        { code: `models/${fatal}` },
      ]);
    }
  });

  it('say what is true of a run that goes on from another', () => {
    const [, first] = endOf(refusal, {});
    const [, later] = endOf(refusal, { kept: 10 });
    expect(`${first}`).toContain('"teacher" has refused all of the first 8 questions; the last time: 400 no');
    expect(`${later}`).toContain(
      '"teacher" has refused 11 questions and answered none, unlike before; the last time: 400',
    );
  });

  it('are not given up on a server that fails one question, if it was there before', () => {
    const failed: AttemptFailure = { ok: false, reason: 'server', retryable: true, message: '500' };
    const away: AttemptFailure = { ok: false, reason: 'transport', retryable: true, message: 'ECONNREFUSED' };
    const hopes = new Hopes('teacher', { hasAnswered: false });
    const never = expect.objectContaining({ code: 'models/unreachable' });
    expect(() => hopes.throwIfNeverAnswered(failed, '')).toThrow(never);
    hopes.foundKept();
    hopes.throwIfNeverAnswered(failed, '');
    hopes.throwIfNeverAnswered({ ...away, reached: true }, '');
    expect(() => hopes.throwIfNeverAnswered(away, '')).toThrow(never);
    expect(() => hopes.throwIfNeverAnswered({ ...failed, foreign: true }, '')).toThrow(never);
  });
});
