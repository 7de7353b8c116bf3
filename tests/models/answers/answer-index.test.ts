import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/hash.js';
import { AnswerIndex } from '../../../src/models/answers/answer-index.js';
import { type AnswerKey, keyText } from '../../../src/models/answers/answer-row.js';

function key(name: string, attempt = 0): AnswerKey {
  return { request: sha256(name), attempt };
}

const step = fc.record({
  what: fc.constantFrom('add', 'add', 'add', 'drop', 'forget'),
  key: fc.record({ request: fc.nat(12).map((name) => sha256(`${name}`)), attempt: fc.nat(2) }),
  file: fc.nat(3),
  offset: fc.nat(2 ** 31),
});

describe('AnswerIndex', () => {
  it('does what a map would: the first of a key counts, unless it was dropped or its file forgotten', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const index = new AnswerIndex();
        const places = new Map<string, { readonly file: number; readonly offset: number }>();
        const forgotten = new Set<number>();
        for (const { what, key: wanted, file, offset } of steps) {
          const text = keyText(wanted);
          if (what === 'forget') {
            index.forgetFile(file);
            forgotten.add(file);
          } else if (what === 'drop') {
            index.drop(wanted);
            places.delete(text);
          } else {
            const there = places.get(text);
            const isFree = there === undefined || forgotten.has(there.file);
            const frame = index.addFrame({ file, start: offset * 1000, length: 7, unpacked: 9 });
            expect(index.add(wanted, frame, offset, 5)).toBe(isFree);
            if (isFree) places.set(text, { file, offset });
          }
          const place = places.get(text);
          expect(index.has(wanted)).toBe(place !== undefined);
          expect(index.find(wanted)).toEqual(
            place && {
              frame: { file: place.file, start: place.offset * 1000, length: 7, unpacked: 9 },
              offset: place.offset,
              length: 5,
            },
          );
          expect(index.size).toBe(places.size);
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
