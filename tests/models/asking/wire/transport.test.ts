import OpenAI from 'openai';
import { Agent, errors } from 'undici';
import { expect, it } from 'vitest';
import { failureOf } from '../../../../src/models/asking/wire/attempt-failure.js';
import { plainFetch } from '../../../../src/models/asking/wire/transport.js';

it.each([
  new errors.ConnectTimeoutError('Connect Timeout Error'),
  Object.assign(new Error('connect ETIMEDOUT 192.0.2.1:80'), { code: 'ETIMEDOUT' }),
])('a connection that nobody takes is not called a request that timed out: %s', async (refusal) => {
  const agent = new Agent({ connect: (_, done) => done(refusal, null) });
  const client = new OpenAI({ baseURL: 'http://host/v1', apiKey: 'none', maxRetries: 0, fetch: plainFetch(agent) });
  const thrown = await client.post('/chat/completions', { body: {} }).catch((error: unknown) => error);
  expect(failureOf(thrown, (text) => text)).toMatchObject({
    reason: 'transport',
    retryable: true,
    message: 'Connection error: nobody took the connection',
  });
});
