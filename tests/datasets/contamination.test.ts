import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ContaminationIndex } from '../../src/datasets/contamination.js';
import { wordsOf } from '../../src/datasets/words.js';

const frame = 'Write a Python function that takes a list of numbers and returns';
const index = new ContaminationIndex([
  { reference: 'suite/median', text: `${frame} the median of all readings that lie between low tide and high tide.` },
  { reference: 'suite/primes', text: `${frame} those that are prime, in the order in which they were given.` },
  {
    reference: 'suite/median',
    text: 'def test_median_of_tides(): gauge = TideGauge(harbour, readings); assert gauge.median(ebb, flood) == 2',
  },
  { reference: 'suite/short', text: 'Reverse a string.' },
]);

describe('ContaminationIndex', () => {
  it('finds a problem in whole, in part, and in other dress', () => {
    for (const text of [
      `${frame} the median of all readings that lie between low tide and high tide.`,
      'Please: THE MEDIAN of all readings\nthat lie between *low* tide!',
      'Here is the test: def test_median_of_tides(): gauge = TideGauge(harbour, readings); assert gauge.median(ebb)',
    ]) {
      expect(index.find(text)).toMatchObject({ reference: 'suite/median' });
    }
  });

  it('names the words that both have', () => {
    const hit = index.find('Now: the median of all readings that lie between low tide. Thanks!');
    expect(hit).toMatchObject({
      reference: 'suite/median',
      kind: 'copy',
      words: 'the median of all readings that lie between',
    });
  });

  it('does not take the frame that several problems share for any one of them', () => {
    expect(index.find(`${frame} their sum.`)).toBeUndefined();
    expect(index.find(frame)).toBeUndefined();
  });

  it('lets texts pass that share seven words in a row', () => {
    expect(index.findCopy('The median of all readings that lie somewhere else')).toBeUndefined();
  });

  it('compares texts of fewer than eight words as a whole', () => {
    expect(index.find('reverse a string')).toMatchObject({ reference: 'suite/short' });
    expect(index.find('Reverse a string, then print it.')).toBeUndefined();
    expect(index.find('')).toBeUndefined();
    expect(new ContaminationIndex([]).find('anything at all')).toBeUndefined();
  });

  it('always finds a sentence of a reference inside any other text', () => {
    const word = fc.stringMatching(/^[a-z]{1,8}$/);
    const sentence = 'that the quarterly harvest of the northern orchards which we weigh';
    const one = new ContaminationIndex([{ reference: 'suite/one', text: sentence }]);
    fc.assert(
      fc.property(fc.array(word), fc.array(word), (before, after) => {
        expect(one.find([...before, sentence.toUpperCase(), ...after].join(', '))).toMatchObject({
          reference: 'suite/one',
          kind: 'copy',
        });
      }),
    );
  });

  it('finds a task whole in another text though no eight words of it tell anything, and not a part of it', () => {
    // Of each one word is not everybody's, where a run needs three. Both begin alike.
    const harmonics = 'Write a function that returns the sum of the harmonics in a list.';
    const glaciers = 'Write a function that takes a list and returns the glaciers in it.';
    const two = new ContaminationIndex([
      { reference: 'suite/harmonics', text: harmonics },
      { reference: 'suite/glaciers', text: glaciers },
    ]);
    for (const [reference, task] of [
      ['suite/harmonics', harmonics],
      ['suite/glaciers', glaciers],
    ] as const) {
      const hit = { reference, kind: 'copy', words: wordsOf(task).slice(0, 8).join(' ') };
      for (const [before, after] of [
        ['', ''],
        ['Solve this. Write a loop, then: ', ''],
        ['', ' Then print it.'],
        ['Write a ', ' Write a function that returns the sum.'],
      ] as const)
        expect(two.findCopy(`${before}${task.toUpperCase()}${after}`)).toEqual(hit);
      const words = task.split(' ');
      expect(two.findCopy(words.slice(0, -1).join(' '))).toBeUndefined();
      expect(two.findCopy(words.slice(1).join(' '))).toBeUndefined();
      expect(two.findCopy(words.with(4, 'gives').join(' '))).toBeUndefined();
    }
  });

  it('does not take boilerplate for a copy, in prose or code', () => {
    const boilerplate = [
      'Write a function that takes a list of numbers and returns the sum of all of them.',
      '#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\nint main(int argc, char *argv[]) { return 0; }',
      'if __name__ == "__main__":\n    main()\n\nimport os, sys, json, re\nfrom typing import List, Dict',
      'let values = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14];',
    ];
    const one = new ContaminationIndex(boilerplate.map((text) => ({ reference: 'suite/one', text })));
    for (const text of boilerplate) expect(one.findCopy(`${text} And more of it.`)).toBeUndefined();
  });

  it('takes thirteen words of code for a copy, not eight', () => {
    const code = 'harvest = orchard.weigh(apples, pears, plums, crates, scale, tare, truck, driver, route, season)';
    const one = new ContaminationIndex([{ reference: 'suite/one', text: code }]);
    expect(one.findCopy(`x = 1; ${code}; y = 2`)).toMatchObject({ kind: 'copy' });
    expect(
      one.findCopy(
        'harvest = orchard.weigh(apples, pears, plums, crates, scale); print(nothing, else, that, is, equal)',
      ),
    ).toBeUndefined();
  });

  it('knows a short solution that stands there as a whole, and not a part of it', () => {
    const code = 'def add(orchard, crates):\n    orchard.list.append(crates)\n    return sum(orchard.list)\n';
    const one = new ContaminationIndex([{ reference: 'suite/one', text: code }]);
    expect(one.findCopy(`I do it so:\n${code}It is right.`)).toMatchObject({ kind: 'copy', reference: 'suite/one' });
    expect(one.findCopy(code.replace('sum(orchard.list)', 'len(orchard.list)'))).toBeUndefined();
    const anybodys = 'def add(data, items):\n    data.list.append(items)\n    return sum(data.list)\n';
    expect(new ContaminationIndex([{ reference: 'suite/one', text: anybodys }]).findCopy(anybodys)).toBeUndefined();
  });

  it('knows a task again that is asked for in other words, and not a task like it', () => {
    const one = new ContaminationIndex([
      {
        reference: 'suite/orchard',
        text: 'Our orchard weighs its harvest. Write a function that returns the average weight of the crates that were filled on a given day.',
      },
    ]);
    expect(
      one.find(
        'I need a function for an orchard: crates get filled and weighed, and it should give the average weight of the harvest for one day.',
      ),
    ).toMatchObject({
      reference: 'suite/orchard',
      kind: 'paraphrase',
    });
    expect(one.find('Write a function that returns the average temperature of a given day.')).toBeUndefined();
  });
});
