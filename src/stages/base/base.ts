import { join } from 'node:path';
import * as z from 'zod';
import { SecpiError } from '../../base/errors.js';
import { copyTree } from '../../base/files/copy.js';
import { operational } from '../../engine/operational.js';
import { defineStage } from '../../engine/stage.js';
import { inputPath } from '../../recipe/field.js';
import type { SecpiStage, StageContextOf, StageServices } from '../services.js';
import { onEvent } from '../trainer-events.js';
import type { Base } from './records.js';

/** A model of a few million parameters, built on the spot: for the quickstart and for tests of the whole flow. */
const tinySchema = z.strictObject({
  /** JSONL of `{prompt, completion}`: what the base knows by heart before it is tuned. */
  rows: operational(inputPath()),
  /** Further text for the tokenizer: plain text, or JSONL with a `text` field. */
  texts: operational(z.array(inputPath()).default([])),
  steps: z.number().int().positive().default(320),
  batch_size: z.number().int().positive().default(2),
  learning_rate: z.number().positive().default(2e-3),
  architecture: z
    .strictObject({
      hidden: z.number().int().positive(),
      layers: z.number().int().positive(),
      heads: z.number().int().positive(),
      kv_heads: z.number().int().positive(),
      mlp: z.number().int().positive(),
      context: z.number().int().positive(),
      vocabulary: z.number().int().positive(),
    })
    .partial()
    .default({}),
  /** Where it is built: a name under `compute`. */
  on: operational(z.string().default('here')),
});

export const baseParams = z
  .strictObject({
    /** Its public name: a Hub id, or what a model built here shall be called. */
    model: z.string().min(1),
    /** Branch, tag or commit on the Hub; pinned to a commit when the run starts. */
    revision: z.string().default('main'),
    /** A model folder on this machine instead of the Hub. */
    folder: operational(inputPath()).optional(),
    tiny: tinySchema.optional(),
  })
  .refine((spec) => spec.folder === undefined || spec.tiny === undefined, {
    path: ['tiny'],
    message: 'a target is either a folder or a tiny model built here, not both',
  });
type Params = z.infer<typeof baseParams>;

/** Weights and what belongs to them; other formats and documentation in a repository are left where they are. */
const modelFiles = /^[^/]+\.(?:safetensors|json|jinja|txt|model)$/;

/** The model that training starts from, as a folder: fetched from the Hub at a pinned commit, copied, or built here. */
export const base: SecpiStage<Params, never> = defineStage<Params, never, StageServices>({
  name: 'base',
  version: 1,
  params: baseParams,
  inputs: [],
  // What is fetched or copied is the same whatever the seed.
  seeded: ({ tiny }) => tiny !== undefined,
  occupies: ({ tiny }, services) => (tiny === undefined ? [] : [services.machineOf(tiny.on)]),

  async pins({ params, services, files, signal }) {
    const { tiny } = params;
    if (tiny !== undefined) {
      const texts = [];
      for (const path of tiny.texts) texts.push(await files.file(path));
      const environment = await services.target(tiny.on).environment();
      return { rows: await files.file(tiny.rows), texts, environment };
    }
    if (params.folder !== undefined) return { folder: await files.folder(params.folder) };
    return { commit: await services.hub.resolve({ kind: 'model', name: params.model }, params.revision, signal) };
  },

  async run(context) {
    if (context.params.tiny !== undefined) return buildTiny(context, context.params.tiny);
    return context.params.folder === undefined ? fetchFromHub(context) : copyFolder(context, context.params.folder);
  },
});

type Context = StageContextOf<Params, never>;

async function buildTiny(
  { params, work, output, services, seed, signal, emit }: Context,
  tiny: NonNullable<Params['tiny']>,
) {
  const { steps, batch_size, learning_rate, rows, texts } = tiny;
  const architecture = Object.fromEntries(
    Object.entries(tiny.architecture).filter((entry): entry is [string, number] => entry[1] !== undefined),
  );
  const textInputs = Object.fromEntries(texts.map((path, index) => [`text-${index}`, path]));
  const inTexts = Object.keys(textInputs).map((name) => `{in:${name}}`);
  const { results, tools, outputs } = await services.target(tiny.on).runTrainer(
    {
      commands: [
        {
          command: 'tiny',
          fields: { rows: '{in:rows}', texts: inTexts, architecture, steps, batch_size, learning_rate, seed },
        },
      ],
      inputs: { rows, ...textInputs },
      outputs: [{ name: 'model', kind: 'tree', path: '{work}/tiny/output' }],
      folder: work.path('job'),
    },
    { signal, onEvent: onEvent(emit) },
  );
  for (const [made, path] of Object.entries(outputs)) await output.adopt(made, path);
  const { resumed_from: _resumed, ...facts } = results.tiny?.facts ?? {};
  await output.json('base.json', {
    schema: 1,
    name: params.model,
    origin: 'tiny',
    revision: null,
    facts,
  } satisfies Base);
  return { counts: { parameters: Number(facts.parameters) }, tools };
}

async function copyFolder({ params, output, signal }: Context, folder: string) {
  await copyTree(folder, output.path('model'), signal);
  await output.json('base.json', {
    schema: 1,
    name: params.model,
    origin: 'folder',
    revision: null,
    facts: {},
  } satisfies Base);
  return { counts: { models: 1 } };
}

async function fetchFromHub({ params, work, output, services, signal, emit }: Context) {
  const repo = { kind: 'model', name: params.model } as const;
  const commit = await services.hub.resolve(repo, params.revision, signal);
  const files = (await services.hub.list(repo, commit, signal)).filter((file) => modelFiles.test(file.path));
  if (!files.some((file) => file.path.endsWith('.safetensors'))) {
    throw new SecpiError('base/no-weights', `${params.model} at ${commit} holds no safetensors weights`, {
      hint: 'Weights in pickle formats can run code when they are loaded; convert the model to safetensors first.',
    });
  }
  // Into the work folder, so that a download of 65 GB that was cut off goes on where it was.
  for (const [index, file] of files.entries()) {
    await services.hub.download(repo, commit, file.path, work.path(join('model', file.path)), signal);
    emit({ type: 'progress', done: index + 1, total: files.length, unit: 'files', note: file.path });
  }
  await output.adopt('model', work.path('model'));
  await output.json('base.json', {
    schema: 1,
    name: params.model,
    origin: 'hub',
    revision: commit,
    facts: {},
  } satisfies Base);
  return { counts: { files: files.length } };
}
