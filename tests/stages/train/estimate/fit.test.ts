import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../../../src/base/package-root.js';
import { CARDS } from '../../../../src/compute/cards.js';
import { cardTable } from '../../../../src/stages/train/estimate/card-table.js';
import { hoursOf } from '../../../../src/stages/train/estimate/duration.js';
import {
  fitOn,
  leastCards,
  neededGib,
  SHARE_OF_A_CARD,
  strategyFor,
  whatWouldFit,
} from '../../../../src/stages/train/estimate/fit.js';
import { flopsPerToken } from '../../../../src/stages/train/estimate/flops.js';
import { KNOWN_MODELS } from '../../../../src/stages/train/estimate/known-models.js';
import { parametersOf, readModelShape } from '../../../../src/stages/train/estimate/model-shape.js';
import { qwq, setup } from './fixtures.js';

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

  it('is said where something does not, and is true', () => {
    const long = { ...setup, tokens: 16_384 };
    const said = whatWouldFit(qwq, long, h100);
    expect(said).toContain('`method: qlora`');
    expect(said).toContain('2 × H100 80 GB (fsdp)');
    expect(said).toContain('1 × H200');
    const [, tokens] = /`max_tokens: (\d+)`/.exec(said.join()) ?? [];
    expect(fitOn(qwq, { ...long, tokens: Number(tokens) }, h100)).not.toBe('no');
    expect(fitOn(qwq, { ...long, tokens: Number(tokens) + 1024 }, h100)).toBe('no');
    expect(
      whatWouldFit(qwq, { ...setup, loss: 'plain', batchSize: 4, gradientCheckpointing: false }, CARDS.b200),
    ).toEqual(['`gradient_checkpointing: true`', '`max_tokens: 1024`']);
  });

  it('is nothing where even 128 cards are too few', () => {
    const hopeless = { ...setup, method: 'full', tokens: 131_072, attention: 'eager' } as const;
    expect(leastCards(qwq, hopeless, CARDS['l4-24'])).toBeUndefined();
    expect(whatWouldFit(qwq, hopeless, CARDS['l4-24'])).toEqual([]);
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
  const rows = cardTable(qwq, setup, [h100, CARDS['rtx-4090']], 1e7);

  it('has the fewest of each card, and half and twice the length', () => {
    expect(rows.map(({ method, tokens }) => `${method} ${tokens}`)).toEqual(
      ['qlora', 'lora', 'full'].flatMap((method) => [4096, 8192, 16_384].map((tokens) => `${method} ${tokens}`)),
    );
    const lora = rows.find(({ method, tokens }) => method === 'lora' && tokens === 16_384);
    expect(lora?.cells[0]).toMatchObject({ ranks: 2, strategy: 'fsdp' });
    expect(rows.find(({ method, tokens }) => method === 'qlora' && tokens === 16_384)?.cells[1]).toBeUndefined();
  });
});

describe('the table of known models', () => {
  // As their cards give them, in 10^9.
  it.each([
    ['Qwen/QwQ-32B', 32.8],
    ['Qwen/Qwen2.5-0.5B', 0.49],
    ['Qwen/Qwen2.5-Coder-1.5B-Instruct', 1.54],
    ['Qwen/Qwen2.5-3B', 3.09],
    ['Qwen/Qwen2.5-7B-Instruct', 7.61],
    ['Qwen/Qwen2.5-14B', 14.7],
    ['Qwen/Qwen3-0.6B', 0.6],
    ['Qwen/Qwen3-1.7B', 1.7],
    ['Qwen/Qwen3-4B', 4.0],
    ['Qwen/Qwen3-8B', 8.2],
    ['Qwen/Qwen3-14B', 14.8],
    ['Qwen/Qwen3-32B', 32.8],
    ['deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B', 1.78],
    ['deepseek-ai/DeepSeek-R1-Distill-Qwen-7B', 7.61],
  ])('%s', (name, parameters) => {
    const { total } = parametersOf(readModelShape(KNOWN_MODELS.get(name)));
    expect(total / 1e9 / parameters).toBeCloseTo(1, 1.4);
  });
});
