import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NearDuplicates } from '../../../src/datasets/duplicates/near-duplicates.js';
import { mixed } from '../../../src/datasets/mix.js';
import { wordRuns, wordsOf } from '../../../src/datasets/words.js';

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

/** So many words, from a vocabulary of 5000; another text for every number. */
function wordsAt(n: number, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `word${mixed(n, at) % 5000}`);
}

describe('NearDuplicates', () => {
  it('merges only what is at least as similar as the threshold, and tells the exact similarity', () => {
    fc.assert(
      fc.property(texts, threshold, (all, limit) => {
        const near = new NearDuplicates(limit);
        const added: string[] = [];
        for (const one of all) {
          const found = near.add(one);
          if (found === undefined) {
            added.push(one);
            continue;
          }
          expect(found.similarity).toBeGreaterThanOrEqual(limit);
          // Only texts that were kept can be what others are duplicates of.
          expect(found.of).toBeLessThan(added.length);
          expect(found.similarity).toBeCloseTo(similarity(one, added[found.of] ?? ''), 10);
        }
      }),
    );
  });

  it('finds without adding what adding finds', () => {
    fc.assert(
      fc.property(texts, fc.string({ unit: 'grapheme' }), threshold, (all, one, limit) => {
        const near = new NearDuplicates(limit);
        for (const each of all) near.add(each);
        const found = near.find(one);
        expect(near.find(one)).toEqual(found);
        expect(near.add(one)).toEqual(found);
        expect(near.find(one)).toBeDefined();
      }),
    );
  });

  it('always finds a text that differs in nothing but case, punctuation and blanks', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), texts, threshold, (one, others, limit) => {
        const near = new NearDuplicates(limit);
        const kept = others.filter((other) => near.add(other) === undefined);
        const first = near.add(one);
        const again = near.add(`  ${one}\n!`);
        expect(again?.similarity).toBe(1);
        if (first === undefined) expect(again?.of).toBe(kept.length);
      }),
    );
  });

  it('gives the same verdicts every time', () => {
    fc.assert(
      fc.property(texts, threshold, (all, limit) => {
        const verdicts = () => {
          const near = new NearDuplicates(limit);
          return all.map((one) => near.add(one));
        };
        expect(verdicts()).toEqual(verdicts());
      }),
    );
  });

  it.each([0.5, 0.7])('finds nearly all pairs above %f among texts of real length', (limit) => {
    const near = new NearDuplicates(limit);
    let above = 0;
    let found = 0;
    for (let n = 0; n < 150; n += 1) {
      // A copy in which one word in thirty is another, or one in twelve.
      const one = wordsAt(n, 60);
      const every = limit === 0.7 ? 30 : 12;
      const other = one.map((word, at) => ((at + n) % every === 0 ? `changed${n}` : word));
      near.add(one.join(' '));
      if (similarity(one.join(' '), other.join(' ')) < limit) continue;
      above += 1;
      if (near.add(other.join(' ')) !== undefined) found += 1;
    }
    expect(above).toBeGreaterThan(100);
    expect(found / above).toBeGreaterThan(0.97);
  });

  it('still finds them when there are thousands of others, all of which share a frame', () => {
    const near = new NearDuplicates(0.5);
    const frame = 'Write a Python function that takes a list of numbers and returns';
    const at = (n: number) => `${frame} ${wordsAt(n, 24).join(' ')}.`;
    const kept: number[] = [];
    for (let n = 0; n < 3000; n += 1) if (near.add(at(n)) === undefined) kept.push(n);
    expect(kept.length).toBeGreaterThan(2900);
    const early = kept.slice(0, 200);
    const found = early.filter((n, number) => near.add(at(n).replace(/\w+\.$/, 'otherwise.'))?.of === number);
    expect(found.length).toBeGreaterThan(194);
  });

  it('keeps texts apart that only share their frame', () => {
    const near = new NearDuplicates(0.7);
    expect(near.add(base)).toBeUndefined();
    expect(
      near.add(base.replace('user names', 'product codes').replace('a given prefix', 'two digits and a dash')),
    ).toBeUndefined();
    expect(near.add(base.replace('Python', 'python'))).toEqual({ of: 0, similarity: 1 });
    expect(near.add(`${base} Return an empty list if there are none.`)).toMatchObject({ of: 0 });
  });

  it('names the most similar earlier text, and of several the first', () => {
    const near = new NearDuplicates(0.3);
    const words = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `w${from + n}`).join(' ');
    expect(near.add(words(1, 8))).toBeUndefined();
    expect(near.add(words(3, 21))).toBeUndefined();
    expect(near.add(words(1, 15))).toMatchObject({ of: 1 });
    const twins = new NearDuplicates(0.6);
    expect([twins.add(`${words(1, 13)} a b`), twins.add(`${words(1, 13)} c d`)]).toEqual([
      undefined,
      expect.anything(),
    ]);
  });
});
