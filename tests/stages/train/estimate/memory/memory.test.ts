import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { plannedMemory } from '../../../../../scripts/planned-memory.js';
import { packageRoot } from '../../../../../src/base/package-root.js';
import { MEMORY_PARTS, memoryOf } from '../../../../../src/stages/train/estimate/memory/memory.js';
import type { TrainingSetup } from '../../../../../src/stages/train/estimate/memory/training-setup.js';
import { qwq, setup } from '../fixtures.js';

const GB = 1e9;
const bytesOf = (changes: Partial<TrainingSetup> = {}) => memoryOf(qwq, { ...setup, ...changes }).bytes;

describe('what a training takes', () => {
  it('is what the tests of the trainers hold against real trainings', () => {
    const file = readFileSync(join(packageRoot, 'trainers', 'tests', 'planned_memory.json'), 'utf8');
    expect(plannedMemory()).toBe(file);
  });

  it('is all its parts', () => {
    const { parts, bytes } = memoryOf(qwq, setup);
    expect(MEMORY_PARTS.reduce((total, part) => total + parts[part], 0)).toBe(bytes);
    expect(parts.weights / GB).toBeCloseTo(65.5 + 1.07, 1);
    expect(parts.optimizer / GB).toBeCloseTo(2 * 1.07, 1);
  });

  it('grows with what is asked for', () => {
    expect(bytesOf({ tokens: 2 * setup.tokens })).toBeGreaterThan(bytesOf());
    expect(bytesOf({ batchSize: 2 })).toBeGreaterThan(bytesOf());
    expect(bytesOf({ loss: 'plain' })).toBeGreaterThan(bytesOf());
    expect(bytesOf({ gradientCheckpointing: false })).toBeGreaterThan(2 * bytesOf());
    expect(bytesOf({ lora: { ...setup.lora, rank: 64 } })).toBeGreaterThan(bytesOf());
    expect(bytesOf({ method: 'full', accumulation: 4 })).toBeGreaterThan(bytesOf({ method: 'full', accumulation: 1 }));
    // Each row sees its own tokens only, and PyTorch's own attention wants that as a table.
    expect(bytesOf({ packing: true })).toBeGreaterThan(bytesOf({ packing: true, attention: 'flash_attention_2' }));
    expect(bytesOf({ attention: 'eager' })).toBeGreaterThan(bytesOf({ packing: true }));
  });

  it('shrinks with 4-bit weights, 8-bit moments, shards and offload', () => {
    expect(bytesOf({ method: 'qlora' })).toBeLessThan(bytesOf() / 1.8);
    expect(bytesOf({ method: 'full', optimizer: 'adamw_8bit' })).toBeLessThan(bytesOf({ method: 'full' }) - 150 * GB);
    for (const strategy of ['fsdp', 'zero3'] as const) {
      const of = (ranks: number, offload = false) =>
        memoryOf(qwq, { ...setup, method: 'full', strategy, ranks, offload });
      expect(of(16).bytes).toBeLessThan(of(8).bytes);
      expect(of(16).parts.optimizer).toBeCloseTo(of(8).parts.optimizer / 2);
      expect(of(8, true).parts).toMatchObject({ weights: 0, optimizer: 0, gradients: 0 });
      expect(of(8, true).hostBytes).toBeCloseTo((16 * 32.76e9) / 8, -9);
      expect(of(8).hostBytes).toBe(0);
    }
  });

  it('is no less for each of several GPUs that all hold everything', () => {
    expect(bytesOf({ ranks: 8 })).toBeGreaterThanOrEqual(bytesOf());
  });
});
