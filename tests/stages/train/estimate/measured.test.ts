import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { packageRoot } from '../../../../src/base/package-root.js';
import { CARDS } from '../../../../src/compute/cards.js';
import { hoursOf } from '../../../../src/stages/train/estimate/duration.js';
import { flopsPerToken } from '../../../../src/stages/train/estimate/flops.js';
import { memoryOf } from '../../../../src/stages/train/estimate/memory/memory.js';
import type { TrainingSetup } from '../../../../src/stages/train/estimate/memory/training-setup.js';
import { KNOWN_MODELS } from '../../../../src/stages/train/estimate/model/known-models.js';
import { readModelShape } from '../../../../src/stages/train/estimate/model/model-shape.js';
import { setup as usual } from './fixtures.js';

const MODELS: Readonly<Record<string, string>> = {
  'qwq-32b': 'Qwen/QwQ-32B',
  'qwen2.5-7b': 'Qwen/Qwen2.5-7B',
  'qwen2.5-1.5b': 'Qwen/Qwen2.5-1.5B',
};

/** What `bench/gpu/measure.py` found on a card. Nothing of the planner's memory was fitted to it. */
const MEASURED = readFileSync(join(packageRoot, 'bench', 'gpu', 'h200.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .flatMap((line) => {
    const measured = z
      .object({ name: z.string(), tokens_per_second: z.number(), peak_gib: z.number() })
      .safeParse(JSON.parse(line)).data;
    const [, size, method, tokens] = /^(\S+) (lora|qlora|full) (\d+)k, secpi$/.exec(measured?.name ?? '') ?? [];
    if (measured === undefined || size === undefined || method === undefined) return [];
    return [
      { ...measured, model: MODELS[size], method: method as TrainingSetup['method'], tokens: 1024 * Number(tokens) },
    ];
  });

describe('what a plan says, against what an H200 took', () => {
  it('has trainings of three sizes and all methods', () => {
    expect(new Set(MEASURED.map(({ model, method }) => `${model} ${method}`)).size).toBeGreaterThanOrEqual(6);
  });

  it.each(MEASURED)('$name: memory to 3 %, and hours between the least and the most', (measured) => {
    const shape = readModelShape(KNOWN_MODELS.get(measured.model ?? ''));
    const setup = { ...usual, method: measured.method, tokens: measured.tokens, accumulation: 1 };
    expect(memoryOf(shape, setup).bytes / 2 ** 30 / measured.peak_gib).toSatisfy(
      (share: number) => share > 0.97 && share < 1.03,
    );
    const tokens = 1e9;
    const hours = hoursOf(tokens * flopsPerToken(shape, setup, setup.tokens), CARDS.h200, setup);
    const took = tokens / measured.tokens_per_second / 3600;
    expect(took).toBeGreaterThan(hours.least);
    expect(took).toBeLessThan(hours.most);
  });
});
