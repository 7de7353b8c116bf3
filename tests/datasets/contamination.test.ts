import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ContaminationIndex } from '../../src/datasets/contamination.js';

const frame = 'Write a Python function that takes a list of numbers and returns';
const index = new ContaminationIndex([
  { reference: 'suite/median', text: `${frame} the median of all values that lie between low and high.` },
  { reference: 'suite/primes', text: `${frame} those that are prime, in the order in which they were given.` },
  {
    reference: 'suite/median',
    text: 'def test_median(): assert median([3, 1, 2], 0, 9) == 2 and median([], 0, 9) is None',
  },
  { reference: 'suite/short', text: 'Reverse a string.' },
]);

describe('ContaminationIndex', () => {
  it('finds a problem in whole, in part, and in other dress', () => {
    for (const text of [
      `${frame} the median of all values that lie between low and high.`,
      'Please: THE MEDIAN of all values\nthat lie between *low* and high!',
      'Here is the test: def test_median(): assert median([3, 1, 2], 0, 9) == 2',
    ]) {
      expect(index.find(text)).toMatchObject({ reference: 'suite/median' });
    }
  });

  it('names the words that both have', () => {
    const hit = index.find('Now: median of all values that lie between low. Thanks!');
    expect(hit).toEqual({ reference: 'suite/median', words: 'median of all values that lie between low' });
  });

  it('does not take the frame that several problems share for any one of them', () => {
    expect(index.find(`${frame} their sum.`)).toBeUndefined();
    expect(index.find(frame)).toBeUndefined();
  });

  it('lets texts pass that share seven words in a row', () => {
    expect(index.find('The median of all values that lie somewhere else')).toBeUndefined();
  });

  it('compares texts of fewer than eight words as a whole', () => {
    expect(index.find('reverse a string')).toMatchObject({ reference: 'suite/short' });
    expect(index.find('Reverse a string, then print it.')).toBeUndefined();
    expect(index.find('')).toBeUndefined();
    expect(new ContaminationIndex([]).find('anything at all')).toBeUndefined();
  });

  it('always finds a reference that is the only one, inside any other text', () => {
    const word = fc.stringMatching(/^[a-z]{1,8}$/);
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 8, maxLength: 40 }),
        fc.array(word),
        fc.array(word),
        (reference, before, after) => {
          const one = new ContaminationIndex([{ reference: 'suite/one', text: reference.join(' ') }]);
          expect(one.find([...before, ...reference, ...after].join(', '))).toMatchObject({ reference: 'suite/one' });
        },
      ),
    );
  });
});
