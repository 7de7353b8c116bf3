import { posix } from 'node:path';
import type { ServicePlan } from '../../compute/jobs/keyed-service.js';
import type { Input } from '../../compute/places/place.js';
import { PASSED_ON, pythonVariables, TRAINERS, trainersFolder } from '../../compute/trainer-environment.js';
import type { ServeSpec } from './serve-spec.js';

/** What is to be served. */
export type ServedWeights =
  | { readonly hub: string; readonly revision: string }
  | {
      /** A full model: weights, tokenizer, chat template. */
      readonly folder: Input;
      /** An adapter for it, asked under a name of its own by the same server. Only vLLM. */
      readonly adapter?: { readonly folder: string; readonly rank: number } | undefined;
    };

/** Our own Python, where it runs. */
export interface ServingPython {
  readonly python: string;
  readonly device: 'auto' | 'cpu' | 'cuda';
  readonly threads: number;
}

/** The names that the server knows them by. */
export const SERVED = { model: 'model', adapter: 'adapter' } as const;

/** With no word of ours for so long a server elsewhere ends by itself: longer than most networks are away, shorter than is dear. */
const leaseSeconds = 120;
/** A server has nothing to save. */
const graceSeconds = 10;

/** Our own server: the application of `transformers serve`, for one model and with a key. */
export function transformersPlan(
  folder: Input,
  serve: ServeSpec,
  { python, device, threads }: ServingPython,
): ServicePlan {
  const document = {
    schema: 1,
    work: '{work}/serve',
    events: '{events}',
    model: '{in:model}',
    served_name: SERVED.model,
    host: '{host}',
    port: '{port}',
    dtype: serve.dtype,
    device,
    threads,
  };
  return {
    keyVariable: 'SECPI_API_KEY',
    spec: {
      steps: [
        {
          name: 'serve',
          launch: 'one',
          argv: [python, '-m', 'secpi_trainers', 'serve', '--job', '{job:serve.json}'],
          env: pythonVariables(python, `{in:${TRAINERS}}`, threads),
          documents: { 'serve.json': document },
          result: '{work}/serve/result.json',
        },
      ],
      env: {},
      inherit: PASSED_ON,
      inputs: { model: folder, [TRAINERS]: trainersFolder },
      outputs: [],
      container: null,
      graceSeconds,
      serves: { leaseSeconds },
    },
  };
}

/**
 * vLLM. Flags as of `vllm serve` 0.33 (https://docs.vllm.ai/en/latest/cli/serve/); the key goes by `VLLM_API_KEY`, because `--api-key`
 * would be seen by every user of that machine.
 */
export function vllmPlan(weights: ServedWeights, serve: ServeSpec): ServicePlan {
  const { program, dtype, max_model_len, generation_config, tensor_parallel, extra } = serve;
  const isHub = 'hub' in weights;
  const adapter = isHub ? undefined : weights.adapter;
  const argv = [
    program,
    'serve',
    isHub ? weights.hub : '{in:model}',
    ...['--host', '{host}', '--port', '{port}'],
    ...['--served-model-name', SERVED.model],
    // Pickles can run code when they are loaded.
    ...['--load-format', 'safetensors'],
    ...(isHub ? ['--revision', weights.revision, '--tokenizer-revision', weights.revision] : []),
    ...['--dtype', dtype],
    ...['--generation-config', generation_config === 'model' ? 'auto' : 'vllm'],
    ...(max_model_len === undefined ? [] : ['--max-model-len', String(max_model_len)]),
    ...['--tensor-parallel-size', String(tensor_parallel)],
    ...(adapter === undefined
      ? []
      : [
          '--enable-lora',
          '--max-lora-rank',
          String(roomFor(adapter.rank)),
          '--lora-modules',
          `${SERVED.adapter}={in:adapter}`,
        ]),
    '--disable-uvicorn-access-log',
    ...extra,
  ];
  const folders = isHub ? {} : { model: weights.folder, ...(adapter === undefined ? {} : { adapter: adapter.folder }) };
  const beside = program.includes('/') ? [posix.dirname(program)] : [];
  return {
    keyVariable: 'VLLM_API_KEY',
    spec: {
      steps: [{ name: 'serve', launch: 'one', argv, env: {}, documents: {}, result: null }],
      env: {
        PATH: [...beside, '/usr/local/cuda/bin', '/usr/local/bin', '/usr/bin', '/bin'].join(':'),
        HF_HUB_DISABLE_TELEMETRY: '1',
        VLLM_NO_USAGE_STATS: '1',
        ...(isHub ? {} : { HF_HUB_OFFLINE: '1' }),
      },
      inherit: PASSED_ON,
      inputs: folders,
      outputs: [],
      container: null,
      graceSeconds,
      serves: { leaseSeconds },
    },
  };
}

/** The ranks that vLLM reserves room for (`MaxLoRARanks` of its `LoRAConfig`). */
const RANKS = [1, 8, 16, 32, 64, 128, 256, 320, 512];

function roomFor(rank: number): number {
  return RANKS.find((room) => room >= rank) ?? rank;
}
