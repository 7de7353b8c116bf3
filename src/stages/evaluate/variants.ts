import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { sha256Json } from '../../base/hash.js';
import type { OpenModel } from '../../models/open-model.js';
import type { ServedModel, StageContextOf } from '../services.js';
import type { evaluateParams } from './evaluate.js';
import type { Variant } from './records.js';

type Context = StageContextOf<z.infer<typeof evaluateParams>, Variant>;

/** Both variants, to be asked. */
export type OpenVariants = Readonly<Record<Variant, OpenModel>> & AsyncDisposable;

/** Opens both, each to be asked through a server of its own, or both through one where vLLM can serve base and adapter together. */
export async function openVariants(context: Context): Promise<OpenVariants> {
  const { services, emit } = context;
  const open = async (variant: Variant) =>
    services.models.serve(await servedAs(variant, context), (log) => emit({ type: 'log', ...log }));
  const base = await open('base');
  try {
    const tuned = await open('tuned');
    return {
      base,
      tuned,
      [Symbol.asyncDispose]: async () => {
        await base[Symbol.asyncDispose]();
        await tuned[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await base[Symbol.asyncDispose]();
    throw error;
  }
}

/** An answer is that of these weights on this software: an upgrade asks again. */
async function servedAs(variant: Variant, { params, inputs, services }: Context): Promise<ServedModel> {
  const { serve, on } = params;
  const environment = await services.models.servingEnvironment(params);
  const weights = (parts: readonly string[]) => `weights:${sha256Json([...parts, environment])}`;
  const hasAdapter = inputs.tuned.manifest.outputs.some(({ path }) => path.startsWith('adapter/'));
  if (serve?.engine !== 'vllm' || !hasAdapter) {
    const input = inputs[variant];
    return {
      folder: input.where('model'),
      asks: 'model',
      identity: weights([input.digest('model')]),
      serve,
      on,
      ...(variant === 'base' ? { next: inputs.tuned.where('model') } : {}),
    };
  }
  const adapter = inputs.tuned.path('adapter');
  const { r: rank } = adapterSchema.parse(JSON.parse(await readFile(join(adapter, 'adapter_config.json'), 'utf8')));
  const digests = [inputs.base.digest('model'), ...(variant === 'base' ? [] : [inputs.tuned.digest('adapter')])];
  return {
    folder: inputs.base.where('model'),
    adapter: { folder: adapter, rank },
    asks: variant === 'base' ? 'model' : 'adapter',
    identity: weights(digests),
    serve,
    on,
  };
}

/** Of PEFT's `adapter_config.json`: the rank. */
const adapterSchema = z.looseObject({ r: z.int().positive() });
