/**
 * `npx tsx scripts/planned-memory.ts`: writes what the planner says of the shapes in `trainers/tests/planned_memory.json` beside them. A test
 * compares; `trainers/tests/test_planned_memory.py` holds it against real trainings.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../src/base/package-root.js';
import { type MemoryParts, memoryOf } from '../src/stages/train/estimate/memory/memory.js';
import type { TrainingSetup } from '../src/stages/train/estimate/memory/training-setup.js';
import { readModelShape } from '../src/stages/train/estimate/model/model-shape.js';

const page = join(packageRoot, 'trainers', 'tests', 'planned_memory.json');

interface Case {
  readonly name: string;
  /** As in `config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly training: TrainingSetup;
  readonly parts?: MemoryParts;
}

/** What the file should hold. */
export function plannedMemory(): string {
  const cases = JSON.parse(readFileSync(page, 'utf8')) as readonly Case[];
  const planned = cases.map((one) => ({ ...one, parts: partsOf(one) }));
  return `${JSON.stringify(planned, undefined, 2)}\n`;
}

function partsOf({ config, training }: Case) {
  const { parts } = memoryOf(readModelShape(config), training);
  return Object.fromEntries(Object.entries(parts).map(([part, bytes]) => [part, Math.round(bytes)]));
}

if (process.argv[1] === import.meta.filename) writeFileSync(page, plannedMemory());
