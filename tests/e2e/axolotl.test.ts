import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTarget } from '../../src/compute/open-target.js';
import { graphNode } from '../../src/engine/flow/graph.js';
import { cacheDirectory } from '../../src/setup/cache-directory.js';
import { findPythonEnvironment } from '../../src/setup/python-environment.js';
import { base, baseParams } from '../../src/stages/base/base.js';
import type { StageServices } from '../../src/stages/services.js';
import { lossSchema, trainedSchema } from '../../src/stages/train/records.js';
import { train, trainParams } from '../../src/stages/train/train.js';
import { hasMeans } from '../support/means.js';
import { given, runNodes, type StageHome, stageHome, type TestRun, testServices } from '../support/stage-flow.js';
import { smallArchitecture, tinyJob, tinySamples, tinyTraining } from '../support/tiny-job.js';

const cache = cacheDirectory(process.env);
const isThere = await findPythonEnvironment(cache, 'axolotl').then(
  () => true,
  (error: Error) => hasMeans(false, error.message),
);

describe.skipIf(!isThere)('a recipe with `trainer: axolotl`', { timeout: 400_000 }, () => {
  let home: StageHome;
  let run: TestRun;

  /** The flow from a model built on the spot to two tuned ones, each backend in its own environment. */
  beforeAll(async () => {
    home = await stageHome();
    const { inputs } = await tinyJob(home.folder, 3);
    const tiny = { rows: inputs.rows, architecture: smallArchitecture, steps: 3, batch_size: 1 };
    const local = openTarget(
      { local: { device: 'cpu', threads: 1 } },
      { python: (packages) => findPythonEnvironment(cache, packages), variables: process.env },
    );
    const trainedBy = (trainer: string) =>
      graphNode({
        name: trainer,
        stage: train,
        params: trainParams.parse({ ...tinyTraining, trainer }),
        inputs: { base: 'base', samples: 'curate' },
      });
    run = await runNodes<StageServices>(
      home,
      [
        given('curate', { files: { 'samples.jsonl.gz': tinySamples } }),
        graphNode({ name: 'base', stage: base, params: baseParams.parse({ model: 'test/tiny', tiny }), inputs: {} }),
        ...[trainedBy('trl'), trainedBy('axolotl')],
      ],
      testServices(home, { target: () => local }),
    );
  }, 400_000);
  afterAll(async () => home[Symbol.asyncDispose]());

  it('prepares, trains and merges in an environment of its own', async () => {
    expect(run.error).toBeUndefined();
    const artifact = await run.artifact('axolotl');
    expect(artifact.manifest.tools).toMatchObject({ axolotl: '0.19.0', transformers: '5.16.1' });
    expect((await run.artifact('trl')).manifest.tools).not.toHaveProperty('axolotl');
    const trained = await artifact.json('train.json', trainedSchema);
    expect(trained).toMatchObject({ trainer: 'axolotl', steps: 4, prepared: { rows: 3, kept: 2, held_out: 1 } });
    expect(trained.merge_difference).toBeLessThan(1e-3);
    for (const file of ['adapter/adapter_config.json', 'adapter/adapter_model.safetensors', 'model/model.safetensors'])
      expect(artifact.manifest.outputs.map(({ path }) => path)).toContain(file);
  });

  it('learns what the same recipe does with `trainer: trl`', async () => {
    const curve = async (node: string) =>
      (await run.rows(node, 'loss.jsonl')).map((row) => lossSchema.parse(row)).map(({ loss }) => loss);
    const [trl, axolotl] = [await curve('trl'), await curve('axolotl')];
    expect(axolotl).toHaveLength(4);
    for (const [step, loss] of axolotl.entries()) expect(loss).toBeCloseTo(Number(trl[step]), 5);
  });
});
