import * as z from 'zod';
import type { Json } from '../../base/json.js';
import type { TrainerCommand, TrainerJob, TrainingToCome } from '../../compute/target.js';
import { operational } from '../../engine/operational.js';
import { defineStage } from '../../engine/stage.js';
import { type Base, baseSchema } from '../base/records.js';
import { SAMPLES } from '../curate/records.js';
import type { SecpiStage, StageContextOf, StageServices } from '../services.js';
import { onEvent } from '../trainer-events.js';
import { estimateTraining } from './estimate/estimate-training.js';
import type { Trained } from './records.js';
import { specOf, type TrainSpec, trainSpecFields, trainSpecProblems } from './spec.js';
import { trackersSchema } from './trackers.js';

export const trainParams = z
  .strictObject({
    ...trainSpecFields,
    /** At least so many samples are set aside, whole tasks at a time: the loss on them is measured at the end. */
    holdout: z.number().int().nonnegative().default(0),
    /** A kill loses at most this many steps. */
    save_every_steps: operational(z.number().int().positive().default(100)),
    /** So many checkpoints are kept while it trains. */
    keep_checkpoints: operational(z.number().int().min(2).default(2)),
    /**
     * Services that show curves, besides TensorBoard's files in the run's folder. Their packages have to be where it runs, their keys among
     * the `secrets` of that target.
     */
    report_to: operational(trackersSchema.prefault({})),
    /** Where it runs: a name under `compute`. */
    on: operational(z.string().default('here')),
    /**
     * `there`: the model stays on the machine where it is made, if that is another one, and is brought here when something here wants it.
     * Adapter, losses and counts always come.
     */
    keep: operational(z.enum(['here', 'there']).default('here')),
  })
  .superRefine((params, context) => {
    const problems = [...trainSpecProblems(params)];
    if (params.evaluate_every_steps !== undefined && params.holdout === 0)
      problems.push(['evaluate_every_steps', 'needs samples that are set aside: give holdout']);
    if ((params.average_checkpoints ?? 0) > params.keep_checkpoints)
      problems.push(['average_checkpoints', 'needs so many checkpoints: give keep_checkpoints at least that']);
    for (const [field, message] of problems)
      context.addIssue({ code: 'custom', path: [field], message, input: params });
  });
type Params = z.infer<typeof trainParams>;
type Context = StageContextOf<Params, 'base' | 'samples'>;

/** Step 3 of SecPI: the target learns *task → trace*, without the security prompt that the teacher saw. */
export const train: SecpiStage<Params, 'base' | 'samples'> = defineStage<Params, 'base' | 'samples', StageServices>({
  name: 'train',
  version: 2,
  params: trainParams,
  inputs: ['base', 'samples'],
  // How the samples were sifted is the report's: a filter that drops nothing has nothing trained again.
  reads: { samples: [SAMPLES] },
  seeded: true,
  occupies: ({ on }, services) => [services.machineOf(on)],

  async pins({ params, services }) {
    const environment = await services.target(params.on).environment({ packages: packagesOf(params), trains: true });
    // Which checkpoints are averaged decides the bytes; else it does not matter how often one is made.
    const { average_checkpoints, save_every_steps } = params;
    return average_checkpoints === undefined ? { environment } : { environment, save_every_steps };
  },

  estimate: estimateTraining,

  async ready({ params, services, signal }) {
    await services.target(params.on).checkTraining(trainingToCome(params), signal);
  },

  async run(context) {
    const { params, inputs, output, work, services, signal, emit } = context;
    const origin = await inputs.base.json('base.json', baseSchema);
    const job = {
      packages: packagesOf(params),
      commands: [prepare(context), tune(context, origin), ...(params.method === 'full' ? [] : [merge(context)])],
      inputs: { base: inputs.base.path('model'), samples: inputs.samples.path(SAMPLES) },
      outputs: outputsOf(params.method),
      keep: params.keep === 'there' ? ['model'] : [],
      folder: work.path('job'),
    };
    const { results, tools, outputs, kept } = await services
      .target(params.on)
      .runTrainer(job, { signal, onEvent: onEvent(emit) });
    for (const [made, path] of Object.entries(outputs)) await output.adopt(made, path);
    for (const [made, { machine, path, files }] of Object.entries(kept)) {
      for (const file of files)
        output.reference({ ...file, path: `${made}/${file.path}`, at: { machine, path: `${path}/${file.path}` } });
    }

    const prepared = results.prepare?.facts ?? {};
    const trained = results.train?.facts ?? {};
    await output.json('train.json', {
      schema: 1,
      base: origin.name,
      method: params.method,
      trainer: params.trainer,
      attention: String(trained.attention),
      prepared: prepared as Trained['prepared'],
      sequences: Number(trained.sequences),
      steps: Number(trained.steps),
      epochs: Number(trained.epochs),
      tokens: Number(trained.tokens),
      prompt_tokens: Number(trained.prompt_tokens),
      first_loss: numberOrNull(trained.first_loss),
      final_loss: numberOrNull(trained.final_loss),
      holdout_loss: numberOrNull(trained.holdout_loss),
      ...(params.average_checkpoints === undefined ? {} : { averaged_steps: trained.averaged_steps as number[] }),
      trainable_parameters: Number(trained.trainable_parameters),
      total_parameters: Number(trained.total_parameters),
      merge_difference: numberOrNull(results.merge?.facts.max_difference),
    } satisfies Trained);
    return {
      counts: {
        samples: Number(prepared.rows),
        trained_on: Number(prepared.kept),
        steps: Number(trained.steps),
        tokens: Number(trained.tokens),
      },
      reasons: prepared.dropped as Record<string, number>,
      tools,
    };
  },
});

/** Axolotl pins other versions of what the trainers use; all of the job runs with them. */
function packagesOf({ trainer }: Pick<TrainSpec, 'trainer'>): 'trainers' | 'axolotl' {
  return trainer === 'axolotl' ? 'axolotl' : 'trainers';
}

/** What can be asked of it before there are samples. */
export function trainingToCome(params: TrainSpec): TrainingToCome {
  const { extra, trainer } = params;
  const isPlain = Object.keys(extra).length === 0 && trainer === 'trl';
  return { packages: packagesOf(params), spec: isPlain ? undefined : (specOf(params) as unknown as Json) };
}

const PREPARED = '{work}/prepare/output/prepared.jsonl';
const HELD_OUT = '{work}/prepare/output/holdout.jsonl';

/** What of all that the trainers leave becomes the artifact, by the names that it has there. */
function outputsOf(method: Params['method']): TrainerJob['outputs'] {
  const train = (name: string, kind: 'file' | 'tree') => ({ name, kind, path: `{work}/train/output/${name}` });
  const dropped = { name: 'dropped.jsonl', kind: 'file', path: '{work}/prepare/output/dropped.jsonl' } as const;
  if (method === 'full') return [train('model', 'tree'), train('loss.jsonl', 'file'), dropped];
  const model = { name: 'model', kind: 'tree', path: '{work}/merge/output/model' } as const;
  return [train('adapter', 'tree'), train('loss.jsonl', 'file'), model, dropped];
}

/** Samples become ids and labels once, checked row by row; both backends train on those. It is an error when none is left. */
function prepare({ params, seed }: Context): TrainerCommand {
  const { max_tokens, holdout } = params;
  return { command: 'prepare', fields: { model: '{in:base}', samples: '{in:samples}', max_tokens, holdout, seed } };
}

function tune({ params, seed }: Context, base: Base): TrainerCommand {
  return {
    command: 'train',
    fields: {
      ...(specOf(params) as unknown as Readonly<Record<string, Json>>),
      model: '{in:base}',
      model_name: base.name,
      // A folder has none; what was fetched has the commit, which goes into the adapter.
      ...(base.revision === null ? {} : { revision: base.revision }),
      prepared: PREPARED,
      ...(params.holdout === 0 ? {} : { holdout: HELD_OUT }),
      save_every_steps: params.save_every_steps,
      keep_checkpoints: params.keep_checkpoints,
      ...(Object.keys(params.report_to).length === 0 ? {} : { report_to: params.report_to as unknown as Json }),
      seed,
    },
  };
}

/** Adapter and base become one model; the trainer checks every weight of it. */
function merge({ params }: Context): TrainerCommand {
  const adapter = '{work}/train/output/adapter';
  const quantised = params.method === 'qlora';
  return {
    command: 'merge',
    fields: { model: '{in:base}', adapter, dtype: params.dtype, quantised, prepared: PREPARED },
  };
}

function numberOrNull(value: Json | undefined): number | null {
  return typeof value === 'number' ? value : null;
}
