import { join } from 'node:path';
import * as z from 'zod';
import type { Json } from '../../base/json.js';
import type { TrainerResult } from '../../compute/target.js';
import { operational } from '../../engine/operational.js';
import { defineStage } from '../../engine/stage.js';
import { baseSchema } from '../base/records.js';
import { sampleSchema } from '../curate/records.js';
import { THIS_MACHINE } from '../occupied.js';
import type { SecpiStage, StageContextOf, StageServices } from '../services.js';
import { onEvent } from '../trainer-events.js';
import type { Trained } from './records.js';

export const trainParams = z
  .strictObject({
    /** The backend. */
    trainer: z.literal('trl').default('trl'),
    method: z.enum(['lora', 'qlora', 'full']).default('lora'),
    lora: z
      .strictObject({
        rank: z.number().int().positive().default(32),
        alpha: z.number().positive().default(64),
        dropout: z.number().min(0).lt(1).default(0),
        targets: z.union([z.literal('all-linear'), z.array(z.string()).min(1)]).default('all-linear'),
      })
      .prefault({}),
    /** Rows longer than this many tokens are dropped and counted, never cut. */
    max_tokens: z.number().int().positive().default(16_384),
    /** Passes over the samples; `steps` instead fixes the number of optimiser steps. */
    epochs: z.number().positive().optional(),
    steps: z.number().int().positive().optional(),
    /** Rows per step and device. */
    batch_size: z.number().int().positive().default(1),
    gradient_accumulation: z.number().int().positive().default(1),
    learning_rate: z.number().positive().default(1e-4),
    scheduler: z.enum(['cosine', 'linear', 'constant']).default('cosine'),
    warmup_steps: z.number().int().nonnegative().default(0),
    weight_decay: z.number().nonnegative().default(0),
    dtype: z.enum(['float32', 'bfloat16']).default('bfloat16'),
    gradient_checkpointing: z.boolean().default(true),
    /** A kill loses at most this many steps. */
    save_every_steps: operational(z.number().int().positive().default(100)),
    /** Where it runs: a name under `compute`. */
    on: operational(z.string().default('here')),
  })
  .refine((params) => (params.epochs === undefined) !== (params.steps === undefined), {
    path: ['epochs'],
    message: 'give either epochs or steps',
  });
type Params = z.infer<typeof trainParams>;
type Context = StageContextOf<Params, 'base' | 'samples'>;

/** Step 3 of SecPI: the target learns *task → trace*, without the security prompt that the teacher saw. */
export const train: SecpiStage<Params, 'base' | 'samples'> = defineStage<Params, 'base' | 'samples', StageServices>({
  name: 'train',
  version: 1,
  params: trainParams,
  inputs: ['base', 'samples'],
  seeded: true,
  occupies: () => [THIS_MACHINE],

  async pins({ params, services }) {
    return { environment: await services.target(params.on).environment() };
  },

  async estimate({ params, inputs }) {
    if (inputs.samples === undefined) return {};
    let characters = 0;
    let rows = 0;
    for await (const sample of inputs.samples.rows('samples.jsonl', sampleSchema)) {
      rows += 1;
      characters += sample.prompt.length + sample.completion.length;
    }
    const passes =
      params.epochs ?? ((params.steps ?? 0) * params.batch_size * params.gradient_accumulation) / Math.max(1, rows);
    const tokens = Math.round((characters / 4) * passes);
    return {
      note: `about ${tokens.toLocaleString('en')} tokens to train on (${rows} rows, ${passes.toFixed(1)} passes)`,
    };
  },

  async run(context) {
    const { params, inputs, output, work } = context;
    const { name } = await inputs.base.json('base.json', baseSchema);
    const prepared = await prepare(context);
    const trained = await tune(context, name);
    const weights = params.method === 'full' ? 'model' : 'adapter';
    const from = (command: string, file: string) => work.path(join(command, 'output', file));
    const merged = params.method === 'full' ? undefined : await merge(context);
    await output.adopt(weights, from('train', weights));
    await output.adopt('loss.jsonl', from('train', 'loss.jsonl'));
    if (merged !== undefined) await output.adopt('model', from('merge', 'model'));
    await output.adopt('dropped.jsonl', from('prepare', 'dropped.jsonl'));

    const facts = trained.facts;
    await output.json('train.json', {
      schema: 1,
      base: name,
      method: params.method,
      trainer: params.trainer,
      prepared: prepared.facts as Trained['prepared'],
      steps: Number(facts.steps),
      epochs: Number(facts.epochs),
      tokens: Number(facts.tokens),
      first_loss: numberOrNull(facts.first_loss),
      final_loss: numberOrNull(facts.final_loss),
      trainable_parameters: Number(facts.trainable_parameters),
      total_parameters: Number(facts.total_parameters),
      merge_difference: numberOrNull(merged?.facts.max_difference),
    } satisfies Trained);
    return {
      counts: {
        samples: Number(prepared.facts.rows),
        trained_on: Number(prepared.facts.kept),
        steps: Number(facts.steps),
        tokens: Number(facts.tokens),
      },
      reasons: prepared.facts.dropped as Record<string, number>,
      tools: { ...prepared.tools, ...trained.tools },
    };
  },
});

function run(
  context: Context,
  command: 'prepare' | 'train' | 'merge',
  fields: Readonly<Record<string, Json>>,
): Promise<TrainerResult> {
  const { params, services, work, signal, emit } = context;
  const job = { command, fields, work: work.path(command), output: work.path(join(command, 'output')) };
  return services.target(params.on).runTrainer(job, { signal, onEvent: onEvent(emit) });
}

/** Samples become ids and labels once, checked row by row; both backends train on those. It is an error when none is left. */
function prepare(context: Context): Promise<TrainerResult> {
  const { params, inputs, seed } = context;
  return run(context, 'prepare', {
    model: inputs.base.path('model'),
    samples: inputs.samples.path('samples.jsonl'),
    max_tokens: params.max_tokens,
    seed,
  });
}

function tune(context: Context, baseName: string): Promise<TrainerResult> {
  const { params, inputs, work, seed } = context;
  const { method, lora, epochs, steps } = params;
  return run(context, 'train', {
    model: inputs.base.path('model'),
    model_name: baseName,
    prepared: work.path(join('prepare', 'output', 'prepared.jsonl')),
    method,
    ...(method === 'full' ? {} : { lora }),
    ...(steps === undefined ? { epochs: epochs ?? 1 } : { steps }),
    batch_size: params.batch_size,
    gradient_accumulation: params.gradient_accumulation,
    learning_rate: params.learning_rate,
    scheduler: params.scheduler,
    warmup_steps: params.warmup_steps,
    weight_decay: params.weight_decay,
    max_tokens: params.max_tokens,
    save_every_steps: params.save_every_steps,
    dtype: params.dtype,
    gradient_checkpointing: params.gradient_checkpointing,
    seed,
  });
}

/** Adapter and base become one model; the trainer checks that both give the same logits. */
function merge(context: Context): Promise<TrainerResult> {
  const { params, inputs, work } = context;
  return run(context, 'merge', {
    model: inputs.base.path('model'),
    adapter: work.path(join('train', 'output', 'adapter')),
    dtype: params.dtype,
    prepared: work.path(join('prepare', 'output', 'prepared.jsonl')),
  });
}

function numberOrNull(value: Json | undefined): number | null {
  return typeof value === 'number' ? value : null;
}
