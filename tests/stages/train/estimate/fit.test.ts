import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { plannedCounts } from '../../../../scripts/planned-counts.js';
import { packageRoot } from '../../../../src/base/package-root.js';
import { CARDS } from '../../../../src/compute/cards.js';
import { cardTable } from '../../../../src/stages/train/estimate/card-table.js';
import { hoursOf } from '../../../../src/stages/train/estimate/duration.js';
import { fitOn, neededGib, SHARE_OF_A_CARD, strategyFor } from '../../../../src/stages/train/estimate/fit.js';
import { flopsPerToken } from '../../../../src/stages/train/estimate/flops.js';
import { KNOWN_MODELS } from '../../../../src/stages/train/estimate/model/known-models.js';
import { parametersOf, readModelShape } from '../../../../src/stages/train/estimate/model/model-shape.js';
import { planTraining } from '../../../../src/stages/train/estimate/plan-training.js';
import { trainParams } from '../../../../src/stages/train/train.js';
import { hardware, params, qwq, setup } from './fixtures.js';

const h100 = CARDS['h100-80'];

describe('floating-point operations of a token of QwQ-32B, in 10^9', () => {
  const flops = (changes: Partial<typeof setup>, length: number) =>
    flopsPerToken(qwq, { ...setup, lora: { rank: 1, targets: ['k_proj'] }, ...changes }, length) / 1e9;

  // Two for each of the 32 x 10^9 numbers that are multiplied, and 0.655 x 10^6 for each token that is seen.
  it.each([
    [8192, 208, 144],
    [16_384, 224, 160],
    [32_768, 257, 192],
  ])('at %i tokens: %i trained whole, %i with an adapter', (length, full, lora) => {
    expect(flops({ method: 'full', gradientCheckpointing: false }, length)).toBeCloseTo(full, -0.5);
    expect(flops({ gradientCheckpointing: false }, length)).toBeCloseTo(lora, -0.5);
    const again = 62.4 + (0.655_36e6 * length) / 1e9;
    expect(flops({}, length) - flops({ gradientCheckpointing: false }, length)).toBeCloseTo(again, 0);
  });
});

describe('hours', () => {
  it('are arithmetic over a share of what the card can', () => {
    const { expected, least, most } = hoursOf(989e12 * 3600 * 0.4, h100, setup);
    expect(expected).toBeCloseTo(1);
    expect(least).toBeLessThan(1);
    expect(most).toBeGreaterThan(1);
    expect(hoursOf(1e18, h100, { ...setup, ranks: 4 }).expected).toBeCloseTo(hoursOf(1e18, h100, setup).expected / 4);
  });
});

describe('what fits', () => {
  it('is 8k tokens of LoRA on QwQ-32B on an H100, only just, and 16k on an H200', () => {
    expect(fitOn(qwq, setup, h100)).toBe('tight');
    expect(fitOn(qwq, { ...setup, tokens: 16_384 }, h100)).toBe('no');
    expect(fitOn(qwq, { ...setup, tokens: 16_384 }, CARDS.h200)).toBe('fits');
    expect(fitOn(qwq, { ...setup, method: 'qlora', tokens: 16_384 }, CARDS['rtx-4090'])).toBe('no');
  });

  it('decides how several GPUs share the work', () => {
    const of = (changes: Partial<typeof setup>, card = h100 as (typeof CARDS)[keyof typeof CARDS] | undefined) =>
      strategyFor(qwq, { ...setup, ranks: 8, ...changes }, card);
    expect(of({})).toBe('fsdp');
    expect(of({}, CARDS.h200)).toBe('ddp');
    expect(of({ method: 'full' })).toBe('fsdp');
    expect(of({ method: 'full' }, undefined)).toBe('fsdp');
    expect(of({ method: 'qlora', tokens: 65_536 })).toBe('ddp');
    expect(of({ offload: true })).toBe('fsdp');
    expect(of({ ranks: 1, method: 'full' })).toBe('ddp');
  });

  it('decides so at the same share of a card as the trainer', () => {
    const parallel = join(packageRoot, 'trainers', 'secpi_trainers', 'training', 'ranks', 'parallel.py');
    expect(readFileSync(parallel, 'utf8')).toContain(`_SHARE_OF_A_CARD = ${SHARE_OF_A_CARD}\n`);
  });

  it('counts what is sent between several', () => {
    expect(neededGib(qwq, { ...setup, ranks: 2 })).toBeGreaterThan(neededGib(qwq, setup) + 1);
  });
});

describe('the table of methods and cards', () => {
  const spec = params();
  const rows = cardTable(qwq, spec, [h100, CARDS['rtx-4090']], undefined);

  it('has the fewest of each card, and half and twice the length', () => {
    expect(rows.map(({ method, tokens }) => `${method} ${tokens}`)).toEqual(
      ['qlora', 'lora', 'full'].flatMap((method) => [4096, 8192, 16_384].map((tokens) => `${method} ${tokens}`)),
    );
    const lora = rows.find(({ method, tokens }) => method === 'lora' && tokens === 16_384);
    expect(lora?.plans[0]?.setup).toMatchObject({ ranks: 2, strategy: 'fsdp' });
    expect(rows.find(({ method, tokens }) => method === 'qlora' && tokens === 16_384)?.plans[1]).toBeUndefined();
  });

  it.each([
    ['known samples', params(), [300, 9000, 4000, 1200]],
    ['steps', params({ steps: 50 }), undefined],
    ['a named strategy', params({ parallel: { strategy: 'fsdp' } }), undefined],
  ] as const)('says of each what the plan of such a recipe says: %s', (_, recipe, lengths) => {
    for (const { method, tokens, plans } of cardTable(qwq, recipe, [h100], lengths)) {
      const [plan] = plans;
      if (plan === undefined) continue;
      const parallel = method === 'qlora' ? { strategy: 'auto', offload: false } : recipe.parallel;
      const such = trainParams.parse({ ...recipe, method, max_tokens: tokens, parallel });
      const {
        hours,
        count,
        neededGib: needed,
      } = planTraining(qwq, such, hardware('h100-80', plan.setup.ranks), lengths);
      expect(plan).toMatchObject({ hours, count, neededGib: needed });
    }
  });

  it('puts no training of Axolotl on several', () => {
    const axolotl = cardTable(qwq, params({ trainer: 'axolotl' }), [h100], undefined);
    expect(axolotl.flatMap(({ plans }) => plans.map((plan) => plan?.setup.ranks ?? 0))).toEqual([
      ...[1, 1, 1],
      ...[1, 1, 0],
      ...[0, 0, 0],
    ]);
  });
});

describe('the table of known models', () => {
  // As the index of their weights on the Hub gives them; of tied ones without the copy that lies there.
  it.each([
    ['Qwen/QwQ-32B', 32_763_876_352],
    ['Qwen/Qwen2.5-0.5B', 494_032_768],
    ['Qwen/Qwen2.5-Coder-1.5B-Instruct', 1_543_714_304],
    ['Qwen/Qwen2.5-3B', 3_085_938_688],
    ['Qwen/Qwen2.5-7B-Instruct', 7_615_616_512],
    ['Qwen/Qwen2.5-14B', 14_770_033_664],
    ['Qwen/Qwen2.5-72B', 72_706_203_648],
    ['Qwen/Qwen3-0.6B', 596_049_920],
    ['Qwen/Qwen3-1.7B', 1_720_574_976],
    ['Qwen/Qwen3-4B', 4_022_468_096],
    ['Qwen/Qwen3-8B', 8_190_735_360],
    ['Qwen/Qwen3-14B', 14_768_307_200],
    ['Qwen/Qwen3-32B', 32_762_123_264],
    ['deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B', 1_777_088_000],
    ['deepseek-ai/DeepSeek-R1-Distill-Llama-8B', 8_030_261_248],
    ['meta-llama/Llama-3.1-70B', 70_553_706_496],
    ['mistralai/Mistral-7B-v0.1', 7_241_732_096],
    ['mistralai/Mistral-7B-v0.3', 7_248_023_552],
  ])('%s has %i parameters', (name, parameters) => {
    expect(parametersOf(readModelShape(KNOWN_MODELS.get(name))).total).toBe(parameters);
  });

  it('is what transformers is asked about', () => {
    const file = readFileSync(join(packageRoot, 'trainers', 'tests', 'planned_counts.json'), 'utf8');
    expect(plannedCounts()).toBe(file);
  });
});
