import { describe, expect, it } from 'vitest';
import { sampler } from '../../src/datasets/sample.js';

const rows = Array.from({ length: 20_000 }, (_, n) => n + 1);

describe('sampler', () => {
  it.each([0.01, 0.3, 0.9])('takes %f of the rows, everywhere in the file', (share) => {
    const taken = rows.filter(sampler(share, 7, 'a.jsonl'));
    for (const part of [taken.filter((row) => row <= 10_000), taken.filter((row) => row > 10_000)])
      expect(Math.abs(part.length - 10_000 * share)).toBeLessThan(5 * Math.sqrt(10_000 * share * (1 - share)));
  });

  it('takes others with another seed or of another file, and the same every time', () => {
    const taken = (seed: number, file: string) => new Set(rows.filter(sampler(0.5, seed, file)));
    const first = taken(7, 'a.jsonl');
    expect(taken(7, 'a.jsonl')).toEqual(first);
    for (const other of [taken(8, 'a.jsonl'), taken(7, 'b.jsonl')]) {
      const both = [...first].filter((row) => other.has(row)).length;
      expect(Math.abs(both - 5000)).toBeLessThan(300);
    }
  });

  it('takes no row less when the share is larger', () => {
    const few = rows.filter(sampler(0.1, 7, 'a.jsonl'));
    const more = sampler(0.2, 7, 'a.jsonl');
    expect(few.filter((row) => !more(row))).toEqual([]);
  });
});
