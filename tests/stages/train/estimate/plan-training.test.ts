import { describe, expect, it } from 'vitest';
import { CARDS } from '../../../../src/compute/cards.js';
import { hardwareOf } from '../../../../src/compute/hardware.js';
import { targetSchema } from '../../../../src/compute/target.js';
import { planFacts, planLines } from '../../../../src/stages/train/estimate/plan-lines.js';
import { planTraining } from '../../../../src/stages/train/estimate/plan-training.js';
import { trainParams } from '../../../../src/stages/train/train.js';
import { qwq } from './fixtures.js';

const params = (changes: Readonly<Record<string, unknown>> = {}) =>
  trainParams.parse({ epochs: 2, max_tokens: 8192, ...changes });
const h200 = { card: CARDS.h200, gpus: 1, pricePerGpuHour: 2, isCpu: false };
const rows = { isKnown: true, rows: 500, tokensPerRow: 4000 };

describe('the plan of a training', () => {
  it('counts the tokens of samples that are there', () => {
    const plan = planTraining(qwq, params(), h200, rows);
    expect(plan).toMatchObject({ tokens: 500 * 4000 * 2, passes: 2, fit: 'fits' });
    expect(plan.costUsd).toBeCloseTo((plan.hours?.expected ?? 0) * 2);
    expect(planLines(plan, 'm').join('\n')).toContain('500 samples of about 4000 tokens × 2 passes: 4 M tokens');
    expect(planTraining(qwq, params({ epochs: undefined, steps: 100, batch_size: 2 }), h200, rows).tokens).toBe(
      100 * 2 * 4000,
    );
  });

  it('counts full sequences where rows are packed', () => {
    const packed = params({ epochs: undefined, steps: 100, packing: true, batch_tokens: 8 * 8192 });
    expect(planTraining(qwq, packed, h200, rows).tokens).toBeCloseTo(100 * 8 * 8192);
    expect(planTraining(qwq, packed, { ...h200, gpus: 4 }, rows).setup.accumulation).toBe(2);
  });

  it('says what is taken for granted where there are no samples yet', () => {
    const plan = planTraining(qwq, params(), h200, undefined);
    expect(planLines(plan, 'm').join('\n')).toContain(
      'for every 1,000 samples of 8,192 tokens, the longest there can be',
    );
    const steps = planTraining(qwq, params({ epochs: undefined, steps: 10 }), { ...h200, gpus: 2 }, undefined);
    expect(steps.tokens).toBe(10 * 2 * 8192);
    expect(planLines(steps, 'm').join('\n')).toContain('at most 20 samples of 8,192 tokens');
  });

  it('has no hours, cost or verdict without a card', () => {
    const plan = planTraining(qwq, params(), { ...h200, card: undefined, gpus: 8 }, rows);
    expect(plan).toMatchObject({ fit: undefined, hours: undefined, costUsd: undefined, instead: [] });
    expect(planLines(plan, 'm')[0]).toContain('on 8 GPUs (the target names no `card`), ddp');
    expect(planFacts(plan, qwq)).toMatchObject({ card: null, fit: null, hours: null });
  });

  it('names the strategy that the recipe names, and the memory of the host', () => {
    const offloaded = params({ method: 'full', parallel: { strategy: 'zero3', offload: true } });
    const plan = planTraining(qwq, offloaded, { ...h200, gpus: 8 }, rows);
    expect(planLines(plan, 'm').join('\n')).toMatch(
      /8 × H200, zero3 with offload[\s\S]*in the host's memory 488\.\d GiB/,
    );
  });
});

describe('what a target computes with', () => {
  it.each([
    [{ local: { device: 'cpu' } }, { gpus: 1, isCpu: true, card: undefined }],
    [
      { ssh: { host: 'h', python: 'p', gpus: 4 }, card: 'b200' },
      { gpus: 4, isCpu: false, card: CARDS.b200 },
    ],
    [
      { slurm: { nodes: 2, gpus: 8 }, price_per_gpu_hour: 3 },
      { gpus: 16, pricePerGpuHour: 3 },
    ],
    [{ slurm: {} }, { gpus: 1 }],
  ])('%o', (spec, hardware) => {
    expect(hardwareOf(targetSchema.parse(spec))).toMatchObject(hardware);
  });
});
