import { mkdir, readdir, realpath, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256File, sha256Json } from '../../src/base/hash.js';
import { openTarget } from '../../src/compute/open-target.js';
import { type TrainerJob, targetSchema } from '../../src/compute/target.js';
import { allTargets, hasAllTargets, type TargetMachines, targetMachines } from '../support/all-targets.js';
import { containerImage } from '../support/container-image.js';
import { pythonForTests } from '../support/python.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { tinyJob, tinyRows } from '../support/tiny-job.js';

/** A base model, samples, and a few steps of LoRA on them, all as one job. */
async function training(folder: string): Promise<TrainerJob> {
  const { commands, inputs, folder: work } = await tinyJob(folder, 2);
  const samples = join(folder, 'samples.jsonl');
  await writeFile(samples, tinyRows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const model = '{work}/tiny/output';
  const prepared = '{work}/prepare/output/prepared.jsonl';
  const settings = { batch_size: 1, gradient_accumulation: 1, learning_rate: 1e-3, scheduler: 'constant' };
  const rest = { warmup_steps: 0, weight_decay: 0, max_tokens: 256, save_every_steps: 2, dtype: 'float32', seed: 1 };
  return {
    commands: [
      ...commands,
      { command: 'prepare', fields: { model, samples: '{in:samples}', max_tokens: 256, seed: 1 } },
      {
        command: 'train',
        fields: {
          ...{ model, model_name: 'tiny', prepared, method: 'lora', steps: 4, gradient_checkpointing: false },
          lora: { rank: 4, alpha: 8, dropout: 0, targets: 'all-linear' },
          ...settings,
          ...rest,
        },
      },
    ],
    inputs: { ...inputs, samples },
    outputs: [
      { name: 'model', kind: 'tree', path: '{work}/tiny/output' },
      { name: 'adapter', kind: 'tree', path: '{work}/train/output/adapter' },
      { name: 'loss.jsonl', kind: 'file', path: '{work}/train/output/loss.jsonl' },
    ],
    folder: work,
  };
}

describe.skipIf(!hasAllTargets)('one training', () => {
  let machines: TargetMachines;
  let folder: TemporaryFolder;
  const python = pythonForTests ?? { python: '', folder: '' };
  const digests = new Map<string, string>();

  beforeAll(async () => {
    machines = await targetMachines();
    folder = await temporaryFolder();
  });
  afterAll(async () => {
    await machines[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  it.each(allTargets)('gives the same bytes on $name', async ({ name, kind, isInside }) => {
    const home = join(folder.path, name.replaceAll(/[ /]/g, '-'));
    await mkdir(home);
    const mounts = ['/usr', python.folder, dirname(dirname(await realpath(python.python)))];
    const target = openTarget(
      targetSchema.parse({
        ...machines.specs({ device: 'cpu', threads: 1 })[kind],
        ...(isInside
          ? { container: { engine: 'podman', image: containerImage(), python: python.python, mounts } }
          : {}),
      }),
      machines.means,
    );
    const { outputs } = await target.runTrainer(await training(home), {
      signal: AbortSignal.timeout(300_000),
      onEvent: () => undefined,
    });
    digests.set(name, await digestOf(outputs));
    expect(Object.fromEntries(digests)).toEqual(
      Object.fromEntries([...digests.keys()].map((key) => [key, digests.values().next().value])),
    );
  });
});

const never = new AbortController().signal;

/** Of names and bytes of all that was made. */
async function digestOf(outputs: Readonly<Record<string, string>>): Promise<string> {
  const found: [string, string][] = [];
  for (const [name, path] of Object.entries(outputs)) {
    const names = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => undefined);
    if (names === undefined) found.push([name, await sha256File(path, never)]);
    else
      for (const entry of names.filter((one) => one.isFile())) {
        const file = join(entry.parentPath, entry.name);
        found.push([`${name}${file.slice(path.length)}`, await sha256File(file, never)]);
      }
  }
  return sha256Json(found.sort());
}
