import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrainerJob } from '../../src/compute/target.js';

/** The smallest model that the trainers build; loading torch takes longer than that. */
export const smallArchitecture = {
  hidden: 16,
  layers: 1,
  heads: 2,
  kv_heads: 1,
  mlp: 32,
  context: 256,
  vocabulary: 300,
};

/** Rows for `tiny` and samples for `prepare`. */
export const tinyRows = ['one', 'two', 'three'].map((word) => ({
  id: `row-${word}`,
  prompt: `Say ${word}.`,
  completion: `<think>\nThey want ${word}.\n</think>\n\n${word}\n`,
}));

/** A `tiny` job below a folder. */
export async function tinyJob(folder: string, steps: number): Promise<TrainerJob> {
  const rows = join(folder, 'rows.jsonl');
  await writeFile(
    rows,
    tinyRows.map(({ prompt, completion }) => `${JSON.stringify({ prompt, completion })}\n`).join(''),
  );
  const settings = { architecture: smallArchitecture, steps, batch_size: 1, learning_rate: 1e-3, seed: 1 };
  return {
    commands: [{ command: 'tiny', fields: { rows: '{in:rows}', texts: [], ...settings } }],
    inputs: { rows },
    outputs: [{ name: 'model', kind: 'tree', path: '{work}/tiny/output' }],
    folder: join(folder, 'work'),
  };
}
