import { expect, it } from 'vitest';
import { THIS_MACHINE } from '../../src/compute/target.js';
import { evaluate, evaluateParams } from '../../src/stages/evaluate/evaluate.js';
import { filter, filterParams } from '../../src/stages/filter/filter.js';
import type { StageServices } from '../../src/stages/services.js';
import { trace, traceParams } from '../../src/stages/trace/trace.js';
import { train, trainParams } from '../../src/stages/train/train.js';

const services = { machineOf: (target) => (target === 'here' ? THIS_MACHINE : `host of ${target}`) } as StageServices;

it('stages occupy the machine they work on, or the model they ask', () => {
  const on = (target: string) => trainParams.parse({ steps: 1, on: target });
  expect(train.occupies?.(on('gpu'), services)).toEqual(['host of gpu']);
  expect(train.occupies?.(on('here'), services)).toEqual([THIS_MACHINE]);
  const suites = { mini: { samples: 1 } };
  expect(evaluate.occupies?.(evaluateParams.parse({ suites }), services)).toEqual([THIS_MACHINE]);
  const both = { on: 'gpu', score_on: 'gpu' };
  expect(evaluate.occupies?.(evaluateParams.parse({ suites, ...both }), services)).toEqual(['host of gpu']);
  const one = { on: 'gpu' };
  expect(evaluate.occupies?.(evaluateParams.parse({ suites, ...one }), services)).toEqual([
    'host of gpu',
    THIS_MACHINE,
  ]);
  // Whether it classifies or teaches: its pace and budget are those of one model.
  const asked = filter.occupies?.(filterParams.parse({ by: 'both' }), services);
  expect(asked).toEqual(trace.occupies?.(traceParams.parse({ by: 'both' }), services));
  expect(asked).not.toEqual(trace.occupies?.(traceParams.parse({}), services));
});
