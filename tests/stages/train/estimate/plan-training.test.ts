import { describe, expect, it } from 'vitest';
import { CARDS } from '../../../../src/compute/cards.js';
import { hardwareOf } from '../../../../src/compute/hardware.js';
import { deviceHere } from '../../../../src/compute/python-identity.js';
import { ranksOf } from '../../../../src/compute/ranks.js';
import { targetSchema } from '../../../../src/compute/target.js';
import { flopsPerToken } from '../../../../src/stages/train/estimate/flops.js';
import { planFacts, planLines } from '../../../../src/stages/train/estimate/plan-lines.js';
import { planTraining } from '../../../../src/stages/train/estimate/plan-training.js';
import { hardware, params, qwq } from './fixtures.js';

const h200 = hardware('h200', 1, { pricePerGpuHour: 2 });
const lengths = Array.from({ length: 500 }, () => 4000);
const text = (...[shape, spec, on, rows]: Parameters<typeof planTraining>) =>
  planLines(planTraining(shape, spec, on, rows), 'm').join('\n');

describe('the plan of a training', () => {
  it('counts the tokens of samples that are there', () => {
    const plan = planTraining(qwq, params(), h200, lengths);
    expect(plan).toMatchObject({ count: { tokens: 500 * 4000 * 2, passes: 2, steps: 126 }, fit: 'fits' });
    expect(plan.costUsd).toBeCloseTo((plan.hours?.expected ?? 0) * 2);
    expect(text(qwq, params(), h200, lengths)).toContain(
      '500 samples of about 4,000 tokens × 2 passes, 126 steps: 4 M tokens',
    );
  });

  it('takes rows for as long as they are, not for as long as they may be', () => {
    const mixed = [1000, 7000, 4000];
    const plan = planTraining(qwq, params(), h200, mixed);
    // Each token sees half of its own row: long rows have more tokens, and each of those sees more.
    expect(plan.count.seen).toBeCloseTo((1000 ** 2 + 7000 ** 2 + 4000 ** 2) / 12_000);
    expect(plan.flops).toBeCloseTo(24_000 * flopsPerToken(qwq, plan.setup, plan.count.seen), -12);
    expect(plan.setup.tokens).toBe(8192);
  });

  it('leaves out what is too long, and what is set aside', () => {
    const mixed = Array.from({ length: 40 }, (_, place) => (place % 4 === 0 ? 9000 : 1000));
    const { count } = planTraining(qwq, params({ holdout: 10 }), h200, mixed);
    expect(count).toMatchObject({ rows: 20, tooLong: 10, tokensOfRows: 20_000 });
    expect(text(qwq, params(), h200, mixed)).toContain('30 samples of about 1,000 tokens (and 10 that are longer than');
    for (const none of [[], [9000], [1000]])
      expect(planTraining(qwq, params({ holdout: 1 }), h200, none)).toMatchObject({
        count: { rows: 0, steps: 0, passes: 0, tokens: 0, seen: 0 },
        flops: 0,
      });
  });

  it('shares a step of so many tokens among all GPUs', () => {
    const packed = { steps: 100, gradient_accumulation: undefined, packing: true, batch_tokens: 8 * 8192 };
    expect(planTraining(qwq, params(packed), h200, lengths).setup.accumulation).toBe(8);
    const four = planTraining(qwq, params(packed), hardware('h200', 4), lengths);
    expect(four.setup.accumulation).toBe(2);
    // Two rows of 4,000 fill a sequence: 250 of them, 8 a step.
    expect(four.count).toMatchObject({ steps: 100, passes: 3 + (4 * 2) / 63 });
    expect(text(qwq, params(packed), h200, lengths)).toContain(
      "with PyTorch's own attention, and less with flash-attn",
    );
  });

  it('says what is taken for granted where there are no samples yet', () => {
    expect(text(qwq, params(), h200, undefined)).toContain(
      'for every 1,000 samples of 8,192 tokens, the longest there can be, × 2 passes: 16.4 M tokens',
    );
    const steps = params({ steps: 10, gradient_accumulation: 1, holdout: 5 });
    expect(planTraining(qwq, steps, hardware('h200', 2), undefined).count.tokens).toBe(10 * 2 * 8192);
    expect(text(qwq, steps, hardware('h200', 2), undefined)).toContain('10 steps, at most 20 samples of 8,192 tokens');
    expect(text(qwq, params(), h200, undefined)).toMatch(
      /about [\d.]+ h \([\d.]+ to [\d.]+\), about \$\d+\.?\d*, if each GPU reaches 40 % of 989 TFLOPS/,
    );
  });

  it('has no hours, cost or verdict without a card', () => {
    const plan = planTraining(qwq, params(), hardware(undefined, 8), lengths);
    expect(plan).toMatchObject({ fit: undefined, hours: undefined, costUsd: undefined, instead: [] });
    expect(planLines(plan, 'm')[0]).toContain('on 8 GPUs (the target names no `card`), ddp');
    expect(planFacts(plan)).toMatchObject({ card: null, fit: null, hours: null, gpus: 8, device: 'cuda' });
  });

  it('says of a CPU what is true of one', () => {
    const cpu = hardwareOf(
      targetSchema.parse({ local: { device: 'cpu', gpus: 4 }, card: 'h200', price_per_gpu_hour: 9 }),
    );
    const plan = planTraining(qwq, params(), cpu, undefined);
    expect(plan).toMatchObject({ setup: { ranks: 1 }, fit: undefined, hours: undefined, costUsd: undefined });
    expect(planLines(plan, 'm')[0]).toMatch(/on a CPU \(its `gpus` count for nothing there\)$/);
    expect(planLines(plan, 'm').join('\n')).not.toMatch(/GPU|CUDA|TFLOPS/);
    expect(planFacts(plan)).toMatchObject({ device: 'cpu', processes: 1, gpus: 0, card: null, needed_gib: null });
    const nodes = hardwareOf(targetSchema.parse({ slurm: { device: 'cpu', nodes: 3, gpus: 0 } }));
    expect(planLines(planTraining(qwq, params({ method: 'full' }), nodes, undefined), 'm')[0]).toMatch(
      /on the CPUs of 3 nodes, ddp$/,
    );
  });

  it('names the strategy that the recipe names, the memory of each host, and what a checkpoint takes', () => {
    const offloaded = params({ method: 'full', parallel: { strategy: 'zero3', offload: true } });
    expect(text(qwq, offloaded, hardware('h200', 8), lengths)).toMatch(
      /8 × H200, zero3 with offload[\s\S]*in the memory of the host 488\.\d GiB[\s\S]*each checkpoint takes 393 GB/,
    );
    const twoNodes = hardware('h200', 1, { ranks: { perNode: 4, nodes: 2 } });
    expect(text(qwq, offloaded, twoNodes, lengths)).toMatch(/in the memory of each host 244\.\d GiB/);
  });
});

describe('what a target computes with', () => {
  it.each([
    [{ local: { device: 'cpu' } }, { ranks: { perNode: 1, nodes: 1 }, device: 'cpu', card: undefined, idleGpus: 0 }],
    [
      { local: { device: 'cpu', gpus: 4 }, card: 'b200' },
      { ranks: { perNode: 1, nodes: 1 }, device: 'cpu', card: undefined, idleGpus: 4 },
    ],
    // A card is meant where one is named, wherever the plan is made.
    [
      { local: { gpus: 2 }, card: 'b200' },
      { ranks: { perNode: 2, nodes: 1 }, device: 'cuda', card: CARDS.b200 },
    ],
    [{ local: {} }, { device: deviceHere('auto') }],
    [
      { ssh: { host: 'h', python: 'p', gpus: 4 }, card: 'b200' },
      { ranks: { perNode: 4, nodes: 1 }, device: 'cuda', card: CARDS.b200 },
    ],
    [
      { slurm: { nodes: 2, gpus: 8 }, price_per_gpu_hour: 3 },
      { ranks: { perNode: 8, nodes: 2 }, pricePerGpuHour: 3 },
    ],
    [{ slurm: {} }, { ranks: { perNode: 1, nodes: 1 } }],
  ])('%o', (spec, expected) => {
    const target = targetSchema.parse(spec);
    const found = hardwareOf(target);
    expect(found).toMatchObject(expected);
    // As many as a training there is started with.
    expect(ranksOf(target, found.device)).toEqual(found.ranks);
  });
});
