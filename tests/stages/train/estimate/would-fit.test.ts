import { describe, expect, it } from 'vitest';
import { hardwareOf } from '../../../../src/compute/hardware.js';
import { type Recipe, recipeSchema } from '../../../../src/pipeline.js';
import { fitOn } from '../../../../src/stages/train/estimate/fit.js';
import { KNOWN_MODELS } from '../../../../src/stages/train/estimate/model/known-models.js';
import { type ModelShape, readModelShape } from '../../../../src/stages/train/estimate/model/model-shape.js';
import { planTraining } from '../../../../src/stages/train/estimate/plan-training.js';
import { setupFor } from '../../../../src/stages/train/estimate/setup-for.js';
import { leastCards, type Remedy, whatWouldFit } from '../../../../src/stages/train/estimate/would-fit.js';
import { hardware, params, qwq } from './fixtures.js';

const endpoint = 'http://127.0.0.1:9/v1';
const container = { engine: 'podman', image: `sha256:${'0'.repeat(64)}` };

/** A recipe, or what is wrong with it. */
function read(train: object, compute: object) {
  return recipeSchema.safeParse({
    name: 'r',
    models: { target: { model: 'a/b' }, classifier: { model: 'c', endpoint }, teacher: { model: 't', endpoint } },
    collect: { sources: [{ hub: 'a/b' }] },
    train: { ...train, on: 'box' },
    evaluate: { suites: { mini: {} } },
    compute: { box: compute, here: { local: {} } },
  });
}

/** Carries a remedy out as a person would: settings, target, and an image where it says that it takes one. */
function carriedOut(remedy: Remedy, train: object, compute: Readonly<Record<string, unknown>>) {
  const { parallel, ...settings } = remedy.train;
  const before = train as { readonly parallel?: object };
  const changed = { ...train, ...settings, parallel: { ...before.parallel, ...parallel } };
  const kind = 'slurm' in compute ? 'slurm' : 'local';
  const { nodes: _, ...there } = compute[kind] as Readonly<Record<string, unknown>>;
  const target = {
    ...compute,
    ...(remedy.gpus === undefined ? {} : { [kind]: { ...there, gpus: remedy.gpus } }),
    ...(remedy.card === undefined ? {} : { card: remedy.card }),
    ...(remedy.packages.length === 0 ? {} : { container }),
  };
  return read(changed, target);
}

function planOf(shape: ModelShape, { train, compute }: Recipe) {
  const { box } = compute;
  if (box === undefined) throw new TypeError('no box');
  return planTraining(shape, train, hardwareOf(box), undefined);
}

const shapeOf = (name: string) => readModelShape(KNOWN_MODELS.get(name));
const long = { epochs: 1, max_tokens: 16_384 };
const one = (card: string, more: object = {}) => ({ local: { device: 'cuda', gpus: 1 }, card, ...more });
const eight = { slurm: { gpus: 8 }, card: 'h100-80' };
const cases: readonly (readonly [string, string, object, Readonly<Record<string, unknown>>])[] = [
  ['LoRA that is too long', 'Qwen/QwQ-32B', long, one('h100-80')],
  ['32B on a consumer card', 'Qwen/QwQ-32B', long, one('rtx-4090')],
  ['full 7B on a consumer card', 'Qwen/Qwen2.5-7B', { ...long, method: 'full' }, one('rtx-4090')],
  ['the same in a container', 'Qwen/Qwen2.5-7B', { ...long, method: 'full' }, one('rtx-4090', { container })],
  ['the same by Axolotl', 'Qwen/Qwen2.5-7B', { ...long, method: 'full', trainer: 'axolotl' }, one('rtx-4090')],
  ['full 32B with a named fsdp', 'Qwen/QwQ-32B', { ...long, method: 'full', parallel: { strategy: 'fsdp' } }, eight],
  ['full 32B with a named zero3', 'Qwen/QwQ-32B', { ...long, method: 'full', parallel: { strategy: 'zero3' } }, eight],
  ['a named ddp', 'Qwen/QwQ-32B', { ...long, parallel: { strategy: 'ddp' } }, eight],
  ['a named ddp on one', 'Qwen/QwQ-32B', { ...long, parallel: { strategy: 'ddp' } }, one('h100-80')],
  [
    'offload that does not suffice',
    'Qwen/QwQ-32B',
    { ...long, max_tokens: 131_072, method: 'full', parallel: { offload: true } },
    eight,
  ],
  [
    'large batches of plain losses',
    'Qwen/Qwen2.5-7B',
    { ...long, batch_size: 8, loss: 'plain', gradient_checkpointing: false },
    one('h100-80'),
  ],
  [
    'float32 and a table of who sees whom',
    'Qwen/Qwen2.5-7B',
    { ...long, dtype: 'float32', attention: 'eager' },
    one('h100-80'),
  ],
  [
    'packed rows',
    'Qwen/Qwen2.5-7B',
    { ...long, max_tokens: 65_536, packing: true, batch_tokens: 262_144 },
    one('l40s-48'),
  ],
  [
    'two nodes',
    'meta-llama/Llama-3.1-70B',
    { ...long, method: 'full' },
    { slurm: { nodes: 2, gpus: 8 }, card: 'h100-80' },
  ],
];

describe('what would fit', () => {
  it.each(cases)('is valid and fits when it is carried out: %s', (_, model, train, compute) => {
    const recipe = read(train, compute);
    const shape = shapeOf(model);
    if (!recipe.success) throw recipe.error;
    const { fit, instead } = planOf(shape, recipe.data);
    expect(fit).toBe('no');
    expect(instead).not.toEqual([]);
    for (const remedy of instead) {
      const { success, data, error } = carriedOut(remedy, train, compute);
      expect({ words: remedy.words, success, issues: error?.issues }).toMatchObject({ success: true });
      if (data !== undefined)
        expect({ words: remedy.words, fit: planOf(shape, data).fit }).not.toMatchObject({ fit: 'no' });
      // What it takes is said, and what needs nothing is valid without anything.
      for (const name of remedy.packages) expect(remedy.words).toContain(name);
      if (remedy.packages.length === 0) expect(remedy.words).not.toContain('image');
    }
  });

  it('is said in the words of a recipe, settings before hardware', () => {
    const said = (train: object, on = hardware('h100-80'), shape = qwq) =>
      whatWouldFit(shape, params(train as Readonly<Record<string, unknown>>), on).map(({ words }) => words);
    expect(said({ max_tokens: 16_384 })).toEqual([
      '`method: qlora`, on a target with a `container` whose image has bitsandbytes',
      '`max_tokens: 11264`, longer samples are dropped',
      '2 × H100 80 GB (fsdp)',
      '1 × H200',
    ]);
    const image = hardware('h100-80', 1, { isContainer: true });
    expect(said({ max_tokens: 16_384 }, image)[0]).toBe('`method: qlora`, if the image has bitsandbytes');
    expect(said({ max_tokens: 16_384, trainer: 'axolotl' })).toEqual([
      '`method: qlora`',
      '`max_tokens: 11264`, longer samples are dropped',
      '1 × H200',
    ]);
    expect(said({ max_tokens: 16_384 }, hardware('rtx-4090'))).toEqual([
      '`method: qlora` with `max_tokens: 2048`, on a target with a `container` whose image has bitsandbytes, longer samples are dropped',
      '1 × H200',
    ]);
    expect(said({ max_tokens: 16_384, parallel: { strategy: 'ddp' } })).toContain(
      '2 × H100 80 GB (fsdp) with `parallel: { strategy: auto }`',
    );
    const named = said({ max_tokens: 16_384, method: 'full', parallel: { strategy: 'fsdp' } }, hardware('h100-80', 8));
    expect(named).toContain(
      '`method: qlora` with `parallel: { strategy: auto, offload: false }`, on a target with a `container` whose image has bitsandbytes',
    );
    expect(named.join()).toMatch(/`parallel: \{ strategy: fsdp, offload: true \}`, with 489 GiB of the host's memory/);
    // 8-bit moments that are split among GPUs have been tried by nobody here.
    expect(named.join()).not.toContain('adamw_8bit');
  });

  it('names the most tokens that fit', () => {
    const found = whatWouldFit(qwq, params({ max_tokens: 16_384 }), hardware('h100-80'));
    const tokens = found.flatMap(({ train }) => train.max_tokens ?? [])[0] ?? 0;
    const fits = (max_tokens: number) => {
      const on = hardware('h100-80');
      return on.card !== undefined && fitOn(qwq, setupFor(params({ max_tokens }), qwq, on), on.card);
    };
    expect(fits(tokens)).not.toBe('no');
    expect(fits(tokens + 1024)).toBe('no');
  });

  it('is nothing where even 64 cards are too few', () => {
    const hopeless = params({ method: 'full', max_tokens: 131_072, attention: 'eager', loss: 'plain' });
    expect(leastCards(qwq, hopeless, hardware('l4-24'))).toBeUndefined();
    expect(leastCards(qwq, hopeless, hardware(undefined))).toBeUndefined();
    expect(whatWouldFit(qwq, hopeless, hardware(undefined))).toEqual([]);
  });
});
