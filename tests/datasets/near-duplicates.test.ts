import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NearDuplicates } from '../../src/datasets/near-duplicates.js';
import { wordRuns, wordsOf } from '../../src/datasets/words.js';

/** Jaccard similarity of word 3-grams, by the book. */
function similarity(left: string, right: string): number {
  const [a, b] = [left, right].map((text) => new Set(wordRuns(wordsOf(text), 3))) as [Set<string>, Set<string>];
  const shared = [...a].filter((run) => b.has(run)).length;
  const union = a.size + b.size - shared;
  return union === 0 ? 1 : shared / union;
}

/** Texts from so few words that many are alike. */
const text = fc
  .array(fc.constantFrom('write', 'a', 'function', 'that', 'sorts', 'lists', 'Go', 'C++'), { maxLength: 14 })
  .map((words) => words.join(' '));
const texts = fc.array(text, { maxLength: 25 });
const threshold = fc.constantFrom(0.3, 0.5, 0.7, 0.85, 1);

const base =
  'Write a Python function that reads a list of user names from a file and returns those that start with a given prefix, sorted by length and then by name.';

describe('NearDuplicates', () => {
  it('merges only what is at least as similar as the threshold, and tells the exact similarity', () => {
    fc.assert(
      fc.property(texts, threshold, (all, limit) => {
        const near = new NearDuplicates(limit);
        const added = new Map<string, string>();
        for (const [index, one] of all.entries()) {
          const found = near.add(String(index), one);
          if (found === undefined) {
            added.set(String(index), one);
            continue;
          }
          expect(found.similarity).toBeGreaterThanOrEqual(limit);
          // Only texts that were kept can be what others are duplicates of.
          expect(found.similarity).toBeCloseTo(similarity(one, added.get(found.of) ?? 'not kept'), 10);
        }
      }),
    );
  });

  it('always finds a text that differs in nothing but case, punctuation and blanks', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), texts, threshold, (one, others, limit) => {
        const near = new NearDuplicates(limit);
        for (const [index, other] of others.entries()) near.add(`other-${index}`, other);
        const first = near.add('first', one);
        const again = near.add('again', `  ${one}\n!`);
        expect(again?.similarity).toBe(1);
        if (first === undefined) expect(again?.of).toBe('first');
      }),
    );
  });

  it('gives the same verdicts every time', () => {
    fc.assert(
      fc.property(texts, threshold, (all, limit) => {
        const verdicts = () => {
          const near = new NearDuplicates(limit);
          return all.map((one, index) => near.add(String(index), one));
        };
        expect(verdicts()).toEqual(verdicts());
      }),
    );
  });

  it('finds nearly all pairs above the threshold among texts of real length', () => {
    const words = Array.from({ length: 400 }, (_, n) => `word${n}`);
    const near = new NearDuplicates(0.7);
    let above = 0;
    let found = 0;
    for (let n = 0; n < 150; n += 1) {
      // A text of 60 words, and a copy in which one word at a moving place is another.
      const one = Array.from({ length: 60 }, (_, at) => words[(n * 131 + at * (7 + n)) % 400] ?? '');
      const other = one.map((word, at) => (at === (n * 17) % 60 || at === (n * 29) % 60 ? `changed${n}` : word));
      near.add(`one-${n}`, one.join(' '));
      if (similarity(one.join(' '), other.join(' ')) < 0.7) continue;
      above += 1;
      if (near.add(`other-${n}`, other.join(' ')) !== undefined) found += 1;
    }
    expect(above).toBeGreaterThan(100);
    expect(found / above).toBeGreaterThan(0.97);
  });

  it('keeps texts apart that only share their frame', () => {
    const near = new NearDuplicates(0.7);
    expect(near.add('a', base)).toBeUndefined();
    expect(
      near.add('b', base.replace('user names', 'product codes').replace('a given prefix', 'two digits and a dash')),
    ).toBeUndefined();
    expect(near.add('c', base.replace('Python', 'python'))).toMatchObject({ of: 'a', similarity: 1 });
    expect(near.add('d', `${base} Return an empty list if there are none.`)).toMatchObject({ of: 'a' });
  });

  it('names the most similar earlier text', () => {
    const near = new NearDuplicates(0.3);
    const words = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `w${from + n}`).join(' ');
    expect(near.add('far', words(1, 8))).toBeUndefined();
    expect(near.add('close', words(3, 21))).toBeUndefined();
    expect(near.add('x', words(1, 15))).toMatchObject({ of: 'close' });
  });
});
