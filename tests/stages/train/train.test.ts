import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTarget } from '../../../src/compute/open-target.js';
import type { Target, TrainerJob } from '../../../src/compute/target.js';
import { graphNode } from '../../../src/engine/flow/graph.js';
import { base, baseParams } from '../../../src/stages/base/base.js';
import { baseSchema } from '../../../src/stages/base/records.js';
import type { StageServices } from '../../../src/stages/services.js';
import { lossSchema, parametersOf, trainedSchema } from '../../../src/stages/train/records.js';
import { train, trainParams } from '../../../src/stages/train/train.js';
import { pythonForTests } from '../../support/python.js';
import { given, runNodes, type StageHome, stageHome, type TestRun, testServices } from '../../support/stage-flow.js';
import { smallArchitecture, tinyJob, tinySamples, tinyTraining } from '../../support/tiny-job.js';

describe.skipIf(pythonForTests === undefined)('base and train, for real', { timeout: 400_000 }, () => {
  let home: StageHome;
  let run: TestRun;

  const local = openTarget(
    { local: { device: 'cpu', threads: 1 } },
    { python: async () => pythonForTests ?? Promise.reject(), variables: process.env },
  );

  /** The flow from a model built on the spot to a tuned one. */
  async function runTraining(params: object = {}): Promise<TestRun> {
    const { inputs } = await tinyJob(home.folder, 3);
    const tiny = { rows: inputs.rows, architecture: smallArchitecture, steps: 3, batch_size: 1 };
    return runNodes<StageServices>(
      home,
      [
        given('curate', { files: { 'samples.jsonl.gz': tinySamples } }),
        graphNode({ name: 'base', stage: base, params: baseParams.parse({ model: 'test/tiny', tiny }), inputs: {} }),
        graphNode({
          name: 'train',
          stage: train,
          params: trainParams.parse({ ...tinyTraining, ...params }),
          inputs: { base: 'base', samples: 'curate' },
        }),
      ],
      testServices(home, { target: () => local }),
    );
  }

  beforeAll(async () => {
    home = await stageHome();
    run = await runTraining();
  }, 400_000);
  afterAll(async () => home[Symbol.asyncDispose]());

  it('build the base model and say what it is', async () => {
    expect(run.error).toBeUndefined();
    const artifact = await run.artifact('base');
    expect(await artifact.json('base.json', baseSchema)).toMatchObject({
      name: 'test/tiny',
      origin: 'tiny',
      revision: null,
      facts: { steps: 3, rows: 3 },
    });
    for (const file of ['model.safetensors', 'config.json', 'tokenizer.json', 'chat_template.jinja'])
      await access(join(artifact.path('model'), file));
    // Whether it was interrupted on the way must not show in its bytes.
    expect(await run.text('base', 'base.json')).not.toContain('resumed');
    expect(artifact.manifest.tools.torch).toBeDefined();
  });

  it('train an adapter, merge it, and keep the losses', async () => {
    const artifact = await run.artifact('train');
    const trained = await artifact.json('train.json', trainedSchema);
    expect(trained).toMatchObject({
      base: 'test/tiny',
      method: 'lora',
      trainer: 'trl',
      prepared: { rows: 3, kept: 2, held_out: 1, dropped: {} },
      steps: 4,
      holdout_loss: expect.any(Number),
    });
    expect(trained.tokens).toBeGreaterThan(0);
    expect(trained.prompt_tokens).toBeGreaterThan(0);
    // What was trained is an adapter: it is no part of the base model, whose size is known from its making.
    const { counts } = (await run.artifact('base')).manifest;
    expect(parametersOf(trained)).toEqual({ base: counts.parameters, trained: trained.trainable_parameters });
    expect(trained.trainable_parameters).toBeLessThan(trained.total_parameters);
    expect(trained.merge_difference).toBeLessThan(1e-3);
    const losses = (await run.rows('train', 'loss.jsonl')).map((row) => lossSchema.parse(row));
    expect(losses.map(({ step }) => step)).toEqual([1, 2, 3, 4]);
    for (const file of ['adapter/adapter_config.json', 'adapter/adapter_model.safetensors', 'model/model.safetensors'])
      expect(artifact.manifest.outputs.map(({ path }) => path)).toContain(file);
    expect(artifact.manifest.counts).toMatchObject({ samples: 3, trained_on: 2, steps: 4 });
    // Neither a folder of this machine nor a time may stand in what is published.
    expect(await run.text('train', 'adapter/adapter_config.json')).toContain('"test/tiny"');
    expect(await run.text('train', 'adapter/adapter_config.json')).not.toContain(home.folder);
  });

  it('tell their progress and losses while they run', () => {
    const events = run.events.filter((event) => 'stage' in event && event.stage === 'train');
    expect(events.filter(({ type }) => type === 'metric')).toHaveLength(4);
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'progress',
        done: 4,
        total: 4,
        unit: 'steps',
        note: expect.stringMatching(/^loss \d/),
      }),
    );
  });

  it('are not run again, and neither is the base when only the training changes', async () => {
    const again = await runTraining();
    expect(again.stages.map(({ outcome }) => outcome)).toEqual(['cached', 'cached', 'cached']);
    const operational = await runTraining({ save_every_steps: 7 });
    expect(operational.outcomeOf('train')).toBe('cached');
    const none = await runTraining({ max_tokens: 3 });
    expect(none.outcomeOf('base')).toBe('cached');
    expect(none.error).toMatchObject({
      code: 'trainer/nothing-to-train',
      hint: expect.stringContaining('too_long (3)'),
    });
  });
});

describe('the job that train asks for', () => {
  it('hands on the commit of the base, which goes into the adapter, and what is held out', async () => {
    await using home = await stageHome();
    const origin = { schema: 1, name: 'org/base', origin: 'hub', revision: '0123456789abcdef', facts: {} };
    const asked: TrainerJob[] = [];
    const target: Target = {
      environment: async () => 'none',
      foresee: async () => undefined,
      checkTraining: async () => true,
      runTrainer: async (job) => {
        asked.push(job);
        throw new Error('enough');
      },
    };
    const askFor = async (params: object) => {
      await runNodes<StageServices>(
        home,
        [
          given('curate', { files: { 'samples.jsonl.gz': tinySamples } }),
          given('base', { files: { 'base.json': origin, 'model/config.json': '{}' } }),
          graphNode({
            name: 'train',
            stage: train,
            params: trainParams.parse({ ...tinyTraining, ...params }),
            inputs: { base: 'base', samples: 'curate' },
          }),
        ],
        testServices(home, { target: () => target }),
      );
      return asked.at(-1)?.commands.map(({ fields }) => fields) ?? [];
    };
    const [prepare, tune] = await askFor({});
    expect(prepare).toMatchObject({ holdout: 1 });
    expect(tune).toMatchObject({ revision: origin.revision, holdout: '{work}/prepare/output/holdout.jsonl' });
    expect((await askFor({ holdout: 0 }))[1]).not.toHaveProperty('holdout');
  });

  it('is another one if checkpoints are averaged and made at other steps, and only then', async () => {
    const services = { target: () => ({ environment: async () => 'none' }) } as unknown as StageServices;
    const pinned = async (params: object) => {
      const parsed = trainParams.parse({ ...tinyTraining, keep_checkpoints: 3, ...params });
      return train.pins?.({
        params: parsed,
        services,
        signal: new AbortController().signal,
        files: undefined as never,
      });
    };
    const often = { save_every_steps: 7 };
    expect(await pinned(often)).toEqual(await pinned({}));
    expect(await pinned({ ...often, average_checkpoints: 3 })).not.toEqual(await pinned({ average_checkpoints: 3 }));
  });
});

describe('the settings of train', () => {
  it('want either epochs or steps', () => {
    const { steps: _steps, ...rest } = tinyTraining;
    expect(trainParams.safeParse(tinyTraining).success).toBe(true);
    expect(trainParams.safeParse({ ...rest, epochs: 2 }).success).toBe(true);
    for (const wrong of [rest, { ...tinyTraining, epochs: 2 }])
      expect(trainParams.safeParse(wrong).error?.issues[0]?.message).toBe('give either epochs or steps');
  });
});
