import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Sha256, sha256 } from '../../../../src/base/hash.js';
import { type AnswerKey, keyText } from '../../../../src/models/answers/answer-row.js';
import { AnswerIndex, type AnswerPlace } from '../../../../src/models/answers/format/answer-index.js';

function key(name: string, attempt = 0): AnswerKey {
  return { request: sha256(name), attempt };
}

/** Digests that differ in one of the four words that are kept, so that most meet in one slot. */
const requests = ['0', '1', '1', '1', '1'].map((digit, word) =>
  sha256('').replace(/./g, (same, at: number) => (at === word * 8 - 1 ? digit : same)),
) as Sha256[];
/** Whatever the size of the table, the last one meets the first. */
const attempts = [0, 1, 2 ** 20];

const step = fc.record({
  what: fc.constantFrom('add', 'add', 'add', 'drop', 'forget'),
  key: fc.record({ request: fc.constantFrom(...requests), attempt: fc.constantFrom(...attempts) }),
  file: fc.nat(3),
  offset: fc.nat(2 ** 31),
});

describe('AnswerIndex', () => {
  it('gives the place that was added first and neither dropped nor, if there is a better one, forgotten', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const index = new AnswerIndex();
        const all = new Map<string, AnswerPlace[]>();
        const forgotten = new Set<number>();
        const expected = (text: string): AnswerPlace | undefined => {
          const places = all.get(text) ?? [];
          return places.find(({ frame }) => !forgotten.has(frame.file)) ?? places[0];
        };
        for (const { what, key: wanted, file, offset } of steps) {
          const text = keyText(wanted);
          const there = expected(text);
          if (what === 'forget') {
            index.forgetFile(file);
            forgotten.add(file);
          } else if (what === 'add') {
            const place = { frame: { file, start: offset * 1000, length: 7, unpacked: 9 }, offset, length: 5 };
            expect(index.add(wanted, index.addFrame(place.frame), offset, 5)).toBe(there === undefined);
            all.set(text, [...(all.get(text) ?? []), place]);
          } else if (there !== undefined) {
            index.drop(wanted, there);
            all.set(text, all.get(text)?.filter((place) => place !== there) ?? []);
          }
          expect(index.find(wanted)).toEqual(expected(text));
          expect(index.has(wanted)).toBe(expected(text) !== undefined);
          expect(index.size).toBe([...all.values()].filter((places) => places.length > 0).length);
        }
      }),
    );
  });

  it('grows, and finds all that it had', () => {
    const index = new AnswerIndex();
    const frame = index.addFrame({ file: 0, start: 0, length: 1, unpacked: 1 });
    for (let n = 0; n < 5000; n += 1) index.add(key(`${n >> 1}`, n & 1), frame, n, 1);
    expect(index.size).toBe(5000);
    for (let n = 0; n < 5000; n += 1) expect(index.find(key(`${n >> 1}`, n & 1))?.offset).toBe(n);
    expect(index.has(key('0', 2))).toBe(false);
    expect(index.has(key('2500'))).toBe(false);
  });
});
