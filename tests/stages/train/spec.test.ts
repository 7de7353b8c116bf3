import { describe, expect, it } from 'vitest';
import { accumulationOf, specOf } from '../../../src/stages/train/spec.js';
import { trainParams } from '../../../src/stages/train/train.js';

/** What is said of parameters, by field. */
function complaints(params: object): readonly string[] {
  const { error } = trainParams.safeParse(params);
  return (error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

describe('the settings of a training', () => {
  it.each([
    [{}, 'epochs: give either epochs or steps'],
    [{ epochs: 1, steps: 1 }, 'epochs: give either epochs or steps'],
    [
      { steps: 1, packing: true, gradient_accumulation: 1, batch_tokens: 1 },
      'batch_tokens: give either gradient_accumulation or batch_tokens',
    ],
    [
      { steps: 1, batch_tokens: 1 },
      'batch_tokens: needs packing: without it the tokens of a step are as many as its rows have',
    ],
    [{ steps: 1, packing: true, batch_size: 2 }, 'batch_size: is 1 with packing: a sequence is full'],
    [{ steps: 1, warmup_steps: 0, warmup_ratio: 0 }, 'warmup_ratio: give either warmup_steps or warmup_ratio'],
    [{ steps: 1, scheduler: 'linear', minimum_rate: 0.1 }, 'minimum_rate: goes with the scheduler cosine'],
    [
      { steps: 1, method: 'qlora', parallel: { strategy: 'zero3' } },
      'parallel: 4-bit weights are not split among GPUs: leave strategy out with qlora',
    ],
    [
      { steps: 1, parallel: { strategy: 'ddp', offload: true } },
      'parallel: offload goes with weights that are split: fsdp or zero3, and no qlora',
    ],
    [
      { steps: 1, method: 'qlora', parallel: { offload: true } },
      'parallel: offload goes with weights that are split: fsdp or zero3, and no qlora',
    ],
    [{ steps: 1, patience: 1 }, 'patience: counts evaluations: give evaluate_every_steps'],
    [{ steps: 1, evaluate_every_steps: 1 }, 'evaluate_every_steps: needs samples that are set aside: give holdout'],
    [
      { steps: 1, average_checkpoints: 3 },
      'average_checkpoints: needs so many checkpoints: give keep_checkpoints at least that',
    ],
  ])('%j is refused', (params, complaint) => {
    expect(complaints(params)).toEqual([complaint]);
  });

  it('take what goes together', () => {
    for (const params of [
      { steps: 1, packing: true, batch_tokens: 1, warmup_ratio: 0.1, minimum_rate: 0.1 },
      { epochs: 1, parallel: { offload: true } },
      { steps: 1, trainer: 'axolotl', parallel: { strategy: 'fsdp' }, keep_checkpoints: 2, average_checkpoints: 2 },
      { epochs: 0.5, gradient_accumulation: 3, holdout: 1, evaluate_every_steps: 2, patience: 3 },
    ])
      expect(complaints(params)).toEqual([]);
  });

  it('go to the trainer as they stand, with defaults, and nothing besides', () => {
    const spec = specOf(trainParams.parse({ steps: 3, on: 'far', keep: 'there', holdout: 4, extra: { tf32: true } }));
    expect(spec).toMatchObject({ steps: 3, learning_rate: 1e-4, lora: { rank: 32 }, extra: { tf32: true } });
    for (const name of ['on', 'keep', 'holdout', 'save_every_steps', 'epochs']) expect(spec).not.toHaveProperty(name);
  });

  it.each([
    [{}, 8, 1],
    [{ gradient_accumulation: 4 }, 8, 4],
    [{ packing: true, max_tokens: 1000, batch_tokens: 4000 }, 1, 4],
    [{ packing: true, max_tokens: 1000, batch_tokens: 4001 }, 1, 5],
    [{ packing: true, max_tokens: 1000, batch_tokens: 4000 }, 2, 2],
  ])('%j on %i GPUs are %i forward passes each', (params, ranks, passes) => {
    expect(accumulationOf(specOf(trainParams.parse({ steps: 1, ...params })), ranks)).toBe(passes);
  });
});
