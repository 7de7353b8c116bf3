import { describe, expect, it } from 'vitest';
import { shinglesOf } from '../../../src/datasets/duplicates/shingles.js';
import { Sketches, similarity, sketchOf } from '../../../src/datasets/duplicates/sketches.js';
import { mixed } from '../../../src/datasets/mix.js';

/** Hashes of the numbers from one to before another. */
function numbers(from: number, to: number): Uint32Array {
  return Uint32Array.from({ length: to - from }, (_, n) => mixed(7, from + n)).sort();
}

describe('similarity', () => {
  it('is exact while the sketches hold everything', () => {
    expect(similarity(sketchOf(numbers(0, 100)), sketchOf(numbers(50, 150)))).toBeCloseTo(50 / 150, 10);
    expect(similarity(sketchOf(numbers(0, 128)), sketchOf(numbers(0, 128)))).toBe(1);
    expect(similarity(sketchOf(numbers(0, 0)), sketchOf(numbers(0, 0)))).toBe(1);
    expect(similarity(sketchOf(numbers(0, 0)), sketchOf(numbers(0, 3)))).toBe(0);
  });

  it.each([
    [0, 1000, 200, 1200],
    [0, 1000, 500, 1500],
    [0, 3000, 0, 600],
    [0, 130, 10, 120],
  ])('is close to the truth for long texts: %i to %i and %i to %i', (a, b, c, d) => {
    const truth = Math.max(0, Math.min(b, d) - Math.max(a, c)) / (Math.max(b, d) - Math.min(a, c));
    const told = similarity(sketchOf(numbers(a, b)), sketchOf(numbers(c, d)));
    expect(Math.abs(told - truth)).toBeLessThan(0.15);
    expect(similarity(sketchOf(numbers(c, d)), sketchOf(numbers(a, b)))).toBe(told);
  });
});

describe('Sketches', () => {
  it('gives back what was put in, over many allocations', () => {
    const kept = new Sketches();
    // So many hashes fill two allocations and a part of a third.
    const all = Array.from({ length: 1500 }, (_, n) => sketchOf(numbers(n, n + (n % 200))));
    for (const sketch of all) kept.add(sketch);
    const wrong = all.filter(({ hashes, size }, n) => {
      const found = kept.at(n);
      return kept.sizeOf(n) !== size || found.size !== size || found.hashes.join() !== hashes.join();
    });
    expect(wrong).toEqual([]);
  });
});

describe('shinglesOf', () => {
  it('counts a run of three words once, and a shorter text as one', () => {
    expect(shinglesOf('a b c a b c a b c')).toHaveLength(3);
    expect(shinglesOf('a b')).toHaveLength(1);
    expect(shinglesOf('...')).toHaveLength(0);
    expect(shinglesOf('a b c')).not.toEqual(shinglesOf('c b a'));
    expect(shinglesOf('A, b-C!')).toEqual(shinglesOf('a b c'));
  });
});
