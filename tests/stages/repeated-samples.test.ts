import { expect, it } from 'vitest';
import { repeatedIn } from '../../src/stages/repeated-samples.js';

it('speaks of every place where the same question is bought again and again at temperature 0, and of no other', () => {
  const cold = { temperature: 0 };
  const warm = { temperature: 0.1 };
  const suites = { mini: { samples: 5 }, other: { samples: 1 }, third: { samples: 2 } };
  expect(repeatedIn({ trace: { samples: 4, sampling: cold }, evaluate: { suites, sampling: cold } })).toEqual([
    expect.stringMatching(/^`trace.samples` is 4 .* bought 4 times.*`trace.sampling.temperature`/),
    expect.stringMatching(/^`evaluate.suites.mini.samples` is 5 .*`evaluate.sampling.temperature`/),
    expect.stringMatching(/^`evaluate.suites.third.samples` is 2 /),
  ]);
  expect(repeatedIn({ trace: { samples: 4, sampling: warm }, evaluate: { suites, sampling: warm } })).toEqual([]);
  expect(repeatedIn({ trace: { samples: 1, sampling: cold }, evaluate: { suites: {}, sampling: cold } })).toEqual([]);
});
