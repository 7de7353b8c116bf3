import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BandIndex } from '../../../src/datasets/duplicates/band-index.js';

function found(index: BandIndex, band: number, key: number, most = Number.POSITIVE_INFINITY): number[] {
  const texts: number[] = [];
  index.each(band, key, most, (text) => texts.push(text));
  return texts;
}

describe('BandIndex', () => {
  it('gives the texts of a key, band by band, the newest first', () => {
    const key = fc.oneof(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
    fc.assert(
      fc.property(fc.array(fc.tuple(key, key), { maxLength: 60 }), (all) => {
        const index = new BandIndex(2);
        for (const keys of all) index.add(Uint32Array.from(keys));
        for (const band of [0, 1] as const)
          for (const keys of all) {
            const texts = all.flatMap((other, text) => (other[band] === keys[band] ? [text] : [])).reverse();
            expect(found(index, band, keys[band])).toEqual(texts);
          }
      }),
    );
  });

  it('loses none when it grows, beyond one allocation', () => {
    const index = new BandIndex(2);
    const count = 70_000;
    // In the first band three texts share a key, in the second none does.
    for (let text = 0; text < count; text += 1) index.add(Uint32Array.of(text % 23_333, Math.imul(text, 2654435761)));
    let wrong = 0;
    for (let text = 0; text < count; text += 1) {
      if (!found(index, 0, text % 23_333).includes(text)) wrong += 1;
      if (!found(index, 1, Math.imul(text, 2654435761) >>> 0).includes(text)) wrong += 1;
    }
    expect(wrong).toBe(0);
  });

  it('looks at no more of a bucket than it may', () => {
    const index = new BandIndex(1);
    for (let text = 0; text < 500; text += 1) index.add(Uint32Array.of(7));
    expect(found(index, 0, 7, 3)).toEqual([499, 498, 497]);
  });
});
