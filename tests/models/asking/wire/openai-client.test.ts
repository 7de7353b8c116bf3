import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../../../src/base/redact.js';
import { createOpenaiClient } from '../../../../src/models/asking/wire/openai-client.js';
import type { ChatRequest } from '../../../../src/models/chat.js';
import { type ServerAction, type ServerScript, startOpenaiServer } from '../../../support/openai-server.js';

function question(overrides: Partial<ChatRequest> & { max_tokens?: number } = {}): ChatRequest {
  const { max_tokens = 100, ...rest } = overrides;
  return {
    messages: [{ role: 'user', content: 'hello' }],
    sampling: { temperature: 0.5, top_p: 0.9, max_tokens },
    format: 'text',
    sample: 0,
    ...rest,
  };
}

/** Both ways of asking: a short question comes whole, a long one as a stream. */
const ways = [
  { way: 'whole', max_tokens: 100 },
  { way: 'streamed', max_tokens: 5000 },
];

async function attemptOnce(
  script: ServerScript | ServerAction,
  {
    request = question(),
    signal = new AbortController().signal,
    apiKey,
    timeoutSeconds = 10,
    idleTimeoutSeconds = 10,
  }: {
    request?: ChatRequest;
    signal?: AbortSignal;
    apiKey?: string;
    timeoutSeconds?: number;
    idleTimeoutSeconds?: number;
  } = {},
) {
  await using server = await startOpenaiServer(typeof script === 'function' ? script : () => script);
  const client = createOpenaiClient({
    endpoint: server.url,
    model: 'fake',
    apiKey,
    connections: 4,
    timeoutSeconds,
    idleTimeoutSeconds,
    redact: createRedactor({}, apiKey === undefined ? [] : [apiKey]),
  });
  try {
    return {
      result: await client.attempt(request, { signal, seed: request.sampling.seed }),
      received: server.received,
    };
  } finally {
    await client.close();
  }
}

describe.each(ways)('an answer that comes $way', ({ max_tokens }) => {
  it.each(['reasoning_content', 'reasoning'] as const)(
    'keeps all of %s apart from the content',
    async (reasoningField) => {
      const { result } = await attemptOnce(
        { kind: 'answer', reasoning: '\nthinking about it\n', reasoningField, content: '\n\nthe answer' },
        { request: question({ max_tokens }) },
      );
      expect(result).toEqual({
        ok: true,
        reply: {
          reasoning: 'thinking about it',
          content: 'the answer',
          finish: 'stop',
          tokens: { input: 10, output: 5 },
          details: { cached_input: 0, reasoning: 0 },
        },
      });
    },
  );

  it('is split at an inline think tag', async () => {
    const { result } = await attemptOnce(
      { kind: 'answer', content: 'hm\n</think>\n\nyes', withoutDone: true },
      { request: question({ max_tokens }) },
    );
    expect(result).toMatchObject({ ok: true, reply: { reasoning: 'hm', content: 'yes' } });
  });

  it('may count no tokens', async () => {
    const { result } = await attemptOnce(
      { kind: 'answer', content: '12345678', usage: null, finish: 'length' },
      { request: question({ max_tokens }) },
    );
    expect(result).toMatchObject({ ok: true, reply: { finish: 'length', tokens: { input: 2, output: 2 } } });
  });

  it.each([
    ['without a finish_reason', { kind: 'unfinished', content: 'half' }, 'finish_reason'],
    ['cut in the middle', { kind: 'cut' }, ''],
    ['reset', { kind: 'reset' }, ''],
    ['with an error inside', { kind: 'error-in-200', error: { message: 'out of memory' } }, 'out of memory'],
    ['with a rate limit inside', { kind: 'error-in-200', error: { message: 'slow down', code: 429 } }, 'slow down'],
    ['with a server error', { kind: 'status', status: 503 }, '503'],
    ['with a plain 429', { kind: 'status', status: 429 }, '429'],
    ['with a timeout', { kind: 'status', status: 408 }, '408'],
  ] satisfies [string, ServerAction, string][])('%s is worth another attempt', async (_, action, text) => {
    const { result } = await attemptOnce(action, { request: question({ max_tokens }) });
    expect(result).toMatchObject({ ok: false, retryable: true, message: expect.stringContaining(text) });
  });

  it('and stalls is given up', async () => {
    const { result } = await attemptOnce(
      { kind: 'stall' },
      { request: question({ max_tokens }), idleTimeoutSeconds: 0.1, timeoutSeconds: max_tokens > 1000 ? 10 : 0.1 },
    );
    expect(result).toMatchObject({
      ok: false,
      reason: 'transport',
      retryable: true,
      message: expect.stringContaining('0.1 s'),
    });
  });

  it('may be waited for as long as there are signs of life', async () => {
    const { result } = await attemptOnce(
      // Longer than it takes until somebody looks at the clock.
      { kind: 'waits', signs: 14, everyMs: 400, answer: { kind: 'answer', content: 'at last' } },
      { request: question({ max_tokens }), idleTimeoutSeconds: 3 },
    );
    expect(result).toMatchObject({ ok: true, reply: { content: 'at last' } });
  });

  it('and was only begun shows that there is a server', async () => {
    const { result } = await attemptOnce(
      { kind: 'waits', signs: 0, everyMs: 0 },
      { request: question({ max_tokens }), idleTimeoutSeconds: 0.1, timeoutSeconds: max_tokens > 1000 ? 10 : 0.1 },
    );
    expect(result).toMatchObject({ ok: false, reason: 'transport', reached: true });
  });

  it('stops at once when the caller aborts, with the caller’s reason', async () => {
    const controller = new AbortController();
    const reason = new Error('interrupted');
    const asked = attemptOnce(
      () => {
        controller.abort(reason);
        return { kind: 'stall' };
      },
      { request: question({ max_tokens }), signal: controller.signal },
    );
    await expect(asked).rejects.toBe(reason);
  });
});

describe('what is sent', () => {
  it('is the question, the settings and the key, and nothing from the environment', async () => {
    process.env.OPENAI_ORG_ID = 'org-from-env';
    process.env.OPENAI_API_KEY = 'key-from-env';
    try {
      const request = question({ format: 'json', sampling: { temperature: 0.5, top_p: 0.9, max_tokens: 7, seed: 3 } });
      const script: ServerAction = { kind: 'answer', content: '{}' };
      const { received } = await attemptOnce(script, { request, apiKey: 'my-key' });
      expect(received[0]?.body).toEqual({
        model: 'fake',
        messages: [{ role: 'user', content: 'hello' }],
        temperature: 0.5,
        top_p: 0.9,
        max_tokens: 7,
        seed: 3,
        response_format: { type: 'json_object' },
        stream: false,
      });
      expect(received[0]?.headers).toMatchObject({ authorization: 'Bearer my-key' });
      expect(received[0]?.headers).not.toHaveProperty('openai-organization');
      const { received: without } = await attemptOnce(script, { request });
      expect(without[0]?.headers).not.toHaveProperty('authorization');
    } finally {
      delete process.env.OPENAI_ORG_ID;
      delete process.env.OPENAI_API_KEY;
    }
  });
});

describe('a refusal', () => {
  it.each([
    [400, undefined],
    [422, undefined],
    [401, 'unauthorised'],
    [403, 'forbidden'],
    [404, 'no-such-model'],
    [402, 'no-credit'],
  ])('%i is not asked again', async (status, fatal) => {
    const { result } = await attemptOnce({ kind: 'status', status });
    expect(result).toMatchObject({ ok: false, reason: 'refused', retryable: false, ...(fatal ? { fatal } : {}) });
    expect('fatal' in result).toBe(fatal !== undefined);
  });

  it('tells an empty account from too many requests', async () => {
    const body = JSON.stringify({ error: { message: 'pay first', code: 'insufficient_quota' } });
    const { result } = await attemptOnce({ kind: 'status', status: 429, body });
    expect(result).toMatchObject({ ok: false, retryable: false, fatal: 'no-credit' });
  });

  it.each([
    [{ 'retry-after': '7' }, 7],
    [{ 'retry-after-ms': '1500', 'retry-after': '9' }, 1.5],
    [{ 'retry-after': new Date(Date.now() - 5000).toUTCString() }, 0],
    [{ 'retry-after': 'soon' }, undefined],
  ])('says when to come back: %o', async (headers, seconds) => {
    const { result } = await attemptOnce({ kind: 'status', status: 429, headers });
    expect(result).toMatchObject({ ok: false, reason: 'rate_limit' });
    expect('retryAfterSeconds' in result ? result.retryAfterSeconds : undefined).toBe(seconds);
  });

  it.each([
    ['{"error":{"message":"too long"}}', '400 too long'],
    ['{"object":"error","message":"too long","code":400}', '400 too long'],
    ['{"detail":"too long"}', '400 {"detail":"too long"}'],
    ['too long', '400 too long'],
    ['', '400 Bad Request'],
  ])('is told in the words of the server, wherever it puts them: %s', async (body, message) => {
    const { result } = await attemptOnce({ kind: 'status', status: 400, body });
    expect(result).toMatchObject({ ok: false, reason: 'refused', message });
  });

  it('fits into a line, even when the server sends a page, and leaks no key', async () => {
    const body = `<html>\n<h1>Bad gateway</h1> for swordfish-key ${'x '.repeat(5000)}</html>`;
    const { result } = await attemptOnce({ kind: 'status', status: 502, body }, { apiKey: 'swordfish-key' });
    expect(result).toMatchObject({ ok: false, reason: 'server', retryable: true });
    const message = 'message' in result ? result.message : '';
    expect(message).toContain('Bad gateway');
    expect(message).not.toContain('swordfish');
    expect(message.length).toBeLessThan(320);
    expect(message).not.toContain('\n');
  });

  it('names the cause when nobody listens', async () => {
    const gone = await startOpenaiServer();
    await gone[Symbol.asyncDispose]();
    const client = createOpenaiClient({
      endpoint: gone.url,
      model: 'fake',
      apiKey: undefined,
      connections: 1,
      timeoutSeconds: 5,
      idleTimeoutSeconds: 5,
      redact: (text) => text,
    });
    const result = await client.attempt(question(), { signal: new AbortController().signal, seed: undefined });
    expect(result).toMatchObject({
      ok: false,
      reason: 'transport',
      retryable: true,
      message: expect.stringContaining('ECONNREFUSED'),
    });
    await client.close();
  });
});

it.each(['[]', '{"choices":[]}', '{"choices":[{"message":{"content":5},"finish_reason":"stop"}]}', 'null', '"text"'])(
  'a body that is no completion is a server error: %s',
  async (body) => {
    const { result } = await attemptOnce({ kind: 'raw', body });
    expect(result).toMatchObject({ ok: false, reason: 'server', retryable: true });
  },
);
