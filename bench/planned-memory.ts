/**
 * `npx tsx bench/planned-memory.ts`: what `secpi plan` says a training of QwQ-32B takes, against one whose tensors are counted. They hold nothing,
 * so that no GPU and little memory are needed.
 */

import { join } from 'node:path';
import { execa } from 'execa';
import { packageRoot } from '../src/base/package-root.js';
import { MEMORY_PARTS, memoryOf } from '../src/stages/train/estimate/memory/memory.js';
import type { TrainingSetup } from '../src/stages/train/estimate/memory/training-setup.js';
import { KNOWN_MODELS } from '../src/stages/train/estimate/model/known-models.js';
import { readModelShape } from '../src/stages/train/estimate/model/model-shape.js';

const config = { ...KNOWN_MODELS.get('Qwen/QwQ-32B'), max_position_embeddings: 40_960 };

const setup: TrainingSetup = {
  method: 'lora',
  lora: { rank: 32, targets: 'all-linear' },
  optimizer: 'adamw',
  dtype: 'bfloat16',
  tokens: 8192,
  batchSize: 1,
  accumulation: 2,
  packing: false,
  loss: 'chunked',
  attention: 'sdpa',
  gradientCheckpointing: true,
  ranks: 1,
  strategy: 'ddp',
  offload: false,
};

const cases: Readonly<Record<string, TrainingSetup>> = {
  'LoRA, 8,192 tokens': setup,
  'LoRA, 16,384 tokens': { ...setup, tokens: 16_384 },
  'LoRA, 2,048 tokens, everything kept': { ...setup, tokens: 2048, gradientCheckpointing: false },
  'full, 8,192 tokens': { ...setup, method: 'full' },
};

const { stdout: interpreter } = await execa(process.execPath, [
  join(packageRoot, 'bin', 'secpi.js'),
  'setup',
  '--print-python',
]);
const { stdout } = await execa(interpreter.trim(), [join(packageRoot, 'bench', 'planned-memory', 'measure.py')], {
  input: JSON.stringify(Object.values(cases).map((training) => ({ config, training }))),
  env: { PYTHONPATH: join(packageRoot, 'trainers'), HF_HUB_OFFLINE: '1' },
});
const counted = JSON.parse(stdout) as readonly Readonly<Record<string, number>>[];

const shown = (bytes: number) => (bytes / 1e9).toFixed(1);
const write = (...cells: readonly string[]) => process.stdout.write(`| ${cells.join(' | ')} |\n`);
write('training', '', 'weights', 'gradients', 'optimiser', 'rest', 'all, GB', 'planned / counted');
write(...Array.from({ length: 8 }, () => '---'));
for (const [index, [name, training]] of Object.entries(cases).entries()) {
  const { parts, bytes } = memoryOf(readModelShape(config), training);
  const { weights = 0, gradients = 0, optimizer = 0, logits = 0, rest = 0 } = counted[index] ?? {};
  const all = weights + gradients + optimizer + logits + rest;
  const planned = MEMORY_PARTS.slice(3).reduce((total, part) => total + parts[part], 0);
  const inAll = [parts.weights, parts.gradients, parts.optimizer, planned, bytes].map(shown);
  write(name, 'planned', ...inAll, (bytes / all).toFixed(3));
  write('', 'counted', ...[weights, gradients, optimizer, rest + logits, all].map(shown), '');
}
