import { describe, expect, it } from 'vitest';
import { meaningOf } from '../../src/engine/operational.js';
import { identityOf, modelSpecSchema } from '../../src/models/model-spec.js';

describe('modelSpecSchema', () => {
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
    [{ price: { input: -1, output: 0 } }, ''],
    [{ api_key: 'x' }, 'api_key'],
    [{ timeout_seconds: 1e9 }, ''],
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
