import { describe, expect, it } from 'vitest';
import { meaningOf } from '../../src/engine/operational.js';
import { identityOf, modelSpecSchema } from '../../src/models/model-spec.js';

const commit = 'a'.repeat(40);
const vllm = { engine: 'vllm', version: '0.33.0' };

describe('modelSpecSchema', () => {
  it('takes what can be served', () => {
    const extra = ['--gpu-memory-utilization=0.9', '--enforce-eager', '--reasoning-parser=deepseek_r1'];
    for (const fields of [
      { serve: { ...vllm, on: 'gpu', tensor_parallel: 8, extra }, revision: commit },
      { serve: { ...vllm, folder: 'm' } },
      { serve: { engine: 'transformers', folder: 'm', dtype: 'float32' } },
    ]) {
      expect(modelSpecSchema.safeParse({ model: 'm', ...fields }).error).toBeUndefined();
    }
  });

  it('needs nothing but a model', () => {
    expect(modelSpecSchema.parse({ model: 'Qwen/QwQ-32B' })).toMatchObject({
      model: 'Qwen/QwQ-32B',
      concurrency: { start: 8, max: 64 },
      retries: 5,
    });
  });

  it.each([
    [{ api_key_env: 'sk-abcdef' }, 'NAME of an environment variable'],
    [{ endpoint: 'ftp://host/v1' }, 'http'],
    [{ endpoint: 'host:8000' }, 'http'],
    [{ concurrency: { start: 9, max: 2 } }, 'start'],
    [{ budget: {} }, 'usd or tokens'],
    [{ budget: { usd: 5 } }, 'needs a `price`'],
    [{ price: { input: -1, output: 0 } }, ''],
    [{ api_key: 'x' }, 'api_key'],
    [{ timeout_seconds: 1e9 }, ''],
    [{ serve: vllm }, '40 hex digits'],
    [{ serve: vllm, revision: 'main' }, '40 hex digits'],
    [{ serve: vllm, revision: commit, endpoint: 'http://host/v1' }, 'not both'],
    [{ serve: vllm, revision: commit, api_key_env: 'KEY' }, 'random key'],
    [{ serve: { ...vllm, folder: 'm' }, revision: commit }, 'this one is a folder'],
    [{ serve: { ...vllm, folder: 'm' }, mode: 'batch' }, 'a server of ours takes no batches'],
    [{ endpoint: 'http://a/v1', replicas: ['http://b/v1'], mode: 'batch' }, 'a batch is at one server'],
    [{ mode: 'batch', batch: { requests: 50_001 } }, '50000'],
    [{ mode: 'batch', batch: { megabytes: 201 } }, '200'],
    [{ serve: { engine: 'transformers' } }, 'fetches no model'],
    [{ serve: { engine: 'transformers', folder: 'm', tensor_parallel: 2 } }, 'vllm'],
    [{ serve: { engine: 'transformers', folder: 'm', extra: ['--seed=1'] } }, 'vllm'],
    [{ serve: { engine: 'vllm' }, revision: commit }, 'another version answers otherwise'],
    [{ serve: { ...vllm, program: 'vllm --api-key x' }, revision: commit }, 'without blanks'],
    ...[
      '--trust-remote-code',
      '--trust_remote_code',
      '--trust-remote',
      '--api-key=x',
      '--host=0.0.0.0',
      '--middleware=os.system',
      '--config=/etc/passwd',
      '--tool-parser-plugin=x.py',
      '--seed=$(id)',
      '--seed 1',
      'serve',
      '--load-format=pt',
      '--seedling=1',
    ].map((flag): [object, string] => [{ serve: { ...vllm, extra: [flag] }, revision: commit }, 'extra']),
  ])('refuses %j', (fields, message) => {
    const result = modelSpecSchema.safeParse({ model: 'm', ...fields });
    expect(result.success).toBe(false);
    expect(result.error?.message).toContain(message);
  });

  it('lets only what the model is into fingerprints', () => {
    const spec = modelSpecSchema.parse({
      model: 'm',
      revision: 'abc',
      endpoint: 'http://host/v1',
      api_key_env: 'MY_KEY',
      replay: 'recording.jsonl',
      price: { input: 1, output: 2 },
      requests_per_minute: 5,
      budget: { usd: 1 },
    });
    expect(meaningOf(modelSpecSchema, spec)).toEqual({ model: 'm', revision: 'abc' });
    expect(identityOf(spec)).toBe('m@abc');
    expect(identityOf({ model: 'm', revision: undefined })).toBe('m');
  });
});
