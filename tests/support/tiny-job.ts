import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrainerJob } from '../../src/compute/target.js';
import type { Sample } from '../../src/stages/curate/records.js';

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

/** The same as samples of `curate`. */
export const tinySamples: readonly Sample[] = tinyRows.map(({ prompt, completion }, index) => ({
  schema: 1,
  id: `sample-${String(index).padStart(16, '0')}`,
  prompt,
  completion,
  language: 'python',
  cwes: ['CWE-89'],
  task_id: `task-${String(index).padStart(16, '0')}`,
  source: 'tasks.jsonl',
  licence: null,
}));

/** What of a `train` section makes a training of seconds. */
export const tinyTraining = {
  method: 'lora',
  lora: { rank: 2, alpha: 4 },
  max_tokens: 128,
  holdout: 1,
  steps: 4,
  learning_rate: 1e-3,
  dtype: 'float32',
  gradient_checkpointing: false,
};

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
