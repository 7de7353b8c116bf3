import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clip } from '../../src/base/clip.js';

describe('clip', () => {
  it.each([
    ['', 0, ''],
    ['abc', 4, 'abc'],
    ['abc', 3, 'abc'],
    ['abcd', 3, 'abc…'],
    ['a😀', 3, 'a😀'],
    ['a😀b', 2, 'a…'],
    ['a😀bcd', 4, 'a😀b…'],
    ['ab', 0, '…'],
  ])('makes of %j in %i units %j', (text, length, clipped) => {
    expect(clip(text, length)).toBe(clipped);
  });

  it('gives the text or a beginning of it, and never half a character', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'ä', '😀') }), fc.nat(20), (text, length) => {
        const clipped = clip(text, length);
        expect(clipped.isWellFormed()).toBe(true);
        const kept = text.length <= length ? text : text.slice(0, clipped.length - 1);
        expect(clipped).toBe(kept === text ? text : `${kept}…`);
        expect(kept.length).toBeLessThanOrEqual(length);
      }),
    );
  });
});
