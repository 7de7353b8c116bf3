import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { sha256Json } from '../../base/hash.js';
import type { OpenModel } from '../../models/open-model.js';
import type { ServedModel, StageContextOf } from '../services.js';
import type { evaluateParams } from './evaluate.js';
import { isWeights, type Variant, type Weights } from './variant.js';

type Context = StageContextOf<z.infer<typeof evaluateParams>, Weights>;

/** All variants, to be asked. */
export interface OpenVariants extends AsyncDisposable {
  of(variant: Variant): OpenModel;
}

/**
 * Opens all of them, each to be asked through a server of its own; variants of the same weights share one, and where vLLM can serve base and
 * adapter together, those do too.
 */
export async function openVariants(context: Context, variants: readonly Variant[]): Promise<OpenVariants> {
  const opened = new Map<string, OpenModel>();
  const close = async () => {
    for (const model of opened.values()) await model[Symbol.asyncDispose]();
  };
  try {
    for (const variant of variants) opened.set(variant.name, await open(variant, variants, context));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    of(variant) {
      const model = opened.get(variant.name);
      if (model === undefined) throw new TypeError(`${variant.name} is not open`);
      return model;
    },
    [Symbol.asyncDispose]: close,
  };
}

async function open({ of }: Variant, all: readonly Variant[], context: Context): Promise<OpenModel> {
  const { services, emit } = context;
  const onLog: Parameters<typeof services.models.open>[1] = (log) => emit({ type: 'log', ...log });
  if (!isWeights(of)) return services.models.open(of, onLog);
  return services.models.serve(await servedAs(of, all.map((one) => one.of).filter(isWeights), context), onLog);
}

/** An answer is that of these weights on this software: an upgrade asks again. */
async function servedAs(
  of: Weights,
  all: readonly Weights[],
  { params, inputs, services }: Context,
): Promise<ServedModel> {
  const { serve, on } = params;
  const environment = await services.models.servingEnvironment(params);
  const weights = (parts: readonly string[]) => `weights:${sha256Json([...parts, environment])}`;
  const hasAdapter = inputs.tuned.manifest.outputs.some(({ path }) => path.startsWith('adapter/'));
  if (serve?.engine !== 'vllm' || !hasAdapter || !all.includes('tuned')) {
    const input = inputs[of];
    return {
      folder: input.where('model'),
      asks: 'model',
      identity: weights([input.digest('model')]),
      serve,
      on,
      ...(of === 'base' && all.includes('tuned') ? { next: inputs.tuned.where('model') } : {}),
    };
  }
  const adapter = inputs.tuned.path('adapter');
  const { r: rank } = adapterSchema.parse(JSON.parse(await readFile(join(adapter, 'adapter_config.json'), 'utf8')));
  const digests = [inputs.base.digest('model'), ...(of === 'base' ? [] : [inputs.tuned.digest('adapter')])];
  return {
    folder: inputs.base.where('model'),
    adapter: { folder: adapter, rank },
    asks: of === 'base' ? 'model' : 'adapter',
    identity: weights(digests),
    serve,
    on,
  };
}

/** Of PEFT's `adapter_config.json`: the rank. */
const adapterSchema = z.looseObject({ r: z.int().positive() });
