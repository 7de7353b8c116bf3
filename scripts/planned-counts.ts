/**
 * `npx tsx scripts/planned-counts.ts`: writes what the planner counts of trainings, packed rows and known models into
 * `trainers/tests/planned_counts.json`. A test compares; the trainers' tests hold it against real trainings, TRL and transformers.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../src/base/package-root.js';
import { KNOWN_MODELS } from '../src/stages/train/estimate/model/known-models.js';
import { parametersOf, readModelShape } from '../src/stages/train/estimate/model/model-shape.js';
import { packedSequences } from '../src/stages/train/estimate/packed-sequences.js';
import { countTraining } from '../src/stages/train/estimate/training-count.js';
import { trainParams } from '../src/stages/train/train.js';

const page = join(packageRoot, 'trainers', 'tests', 'planned_counts.json');

/** No step and no pack of these comes out even. */
const LENGTHS = [12, 31, 7, 40, 22, 9, 35, 18, 27, 14, 38] as const;

/** Settings of trainings, and how many processes share each. */
const TRAININGS = [
  { processes: 1, settings: { epochs: 1.5, batch_size: 2, gradient_accumulation: 2 } },
  { processes: 1, settings: { steps: 5, batch_size: 3 } },
  { processes: 1, settings: { epochs: 2.5, packing: true, max_tokens: 50, batch_tokens: 120 } },
  { processes: 2, settings: { epochs: 1.3, batch_size: 2, gradient_accumulation: 2 } },
  { processes: 2, settings: { epochs: 2, packing: true, max_tokens: 50, batch_tokens: 200 } },
] as const;

/** Rows that TRL packs in several goes. */
const PACKED = { rows: 2500, multiplier: 7919, modulus: 97, room: 130 } as const;

/** What the file should hold. */
export function plannedCounts(): string {
  const trainings = TRAININGS.map(({ processes, settings }) => {
    const spec = trainParams.parse({ max_tokens: 500, ...settings });
    const { steps, passes, tokens } = countTraining(spec, LENGTHS, processes);
    return { processes, settings: { max_tokens: 500, ...settings }, steps, passes, tokens };
  });
  const { rows, multiplier, modulus, room } = PACKED;
  const lengths = Array.from({ length: rows }, (_, place) => 1 + ((place * multiplier) % modulus));
  const models = [...KNOWN_MODELS].map(([name, config]) => ({
    name,
    config,
    parameters: parametersOf(readModelShape(config)).total,
  }));
  const packed = { ...PACKED, sequences: packedSequences(lengths, room) };
  return `${JSON.stringify({ lengths: LENGTHS, trainings, packed, models }, undefined, 1)}\n`;
}

if (process.argv[1] === import.meta.filename) writeFileSync(page, plannedCounts());
