import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRedactor } from '../../../../src/base/redact.js';
import { modelFolders } from '../../../../src/models/answers/model-folder.js';
import type { ChatRequest } from '../../../../src/models/chat.js';
import type { AskOptions } from '../../../../src/models/model.js';
import { modelSpecSchema } from '../../../../src/models/model-spec.js';
import { type OpenModel, openModel } from '../../../../src/models/open-model.js';
import { type BatchServerOptions, type BatchStep, startBatchServer } from '../../../support/batch-server.js';
import { fastClock } from '../../../support/fast-clock.js';

let stateDir: string;
let said: string[];
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'secpi-batch-'));
  said = [];
});
afterEach(() => rm(stateDir, { recursive: true, force: true }));

const inBatches = { mode: 'batch', batch: { poll_seconds: 1 }, saturation_seconds: 60 };

function open(endpoint: string, spec: object = {}): Promise<OpenModel> {
  return openModel({
    name: 'teacher',
    spec: modelSpecSchema.parse({ model: 'fake', endpoint, ...inBatches, ...spec }),
    stateDir,
    env: () => 'a-key-of-ours',
    redact: createRedactor({}),
    clock: fastClock,
    onLog: ({ message }) => said.push(message),
  });
}

const prompts = (count: number): string[] => Array.from({ length: count }, (_, index) => `q${index}`);

async function ask(model: OpenModel, rows: readonly string[], more: Partial<AskOptions<string, string>> = {}) {
  const request = (prompt: string): ChatRequest => ({
    messages: [{ role: 'user', content: prompt }],
    sampling: { temperature: 0, top_p: 1, max_tokens: 64 },
    format: 'text',
    sample: 0,
  });
  const outcomes: string[] = [];
  const asked = model.ask<string, string>({
    rows,
    request,
    parse: (answer) => ({ ok: true, value: answer.content }),
    signal: new AbortController().signal,
    ...more,
  });
  for await (const { outcome } of asked)
    outcomes.push(outcome.ok ? outcome.parsed : `${outcome.reason}: ${outcome.message}`);
  return outcomes;
}

const echoes = (rows: readonly string[]): string[] => rows.map((row) => `echo: ${row}`);

/** What of batches is left on the disk. */
async function leftOver(): Promise<readonly string[]> {
  const [model] = await modelFolders(stateDir);
  return model === undefined ? [] : (await readdir(join(model.path, 'batches'))).sort();
}

/** Asks so many questions of a server with these faults, and gives back what came of it. */
async function askOnce(count: number, options: BatchServerOptions, spec: object = {}) {
  await using server = await startBatchServer(options);
  await using model = await open(server.url, spec);
  const outcomes = await ask(model, prompts(count)).catch((error: unknown) => error);
  const most = Math.max(0, ...server.bought.values());
  return { outcomes, server, spent: model.spent, most };
}

describe('asking in batches', () => {
  it('answers in order out of few batches, at their price, and buys nothing twice', async () => {
    await using server = await startBatchServer();
    const spec = {
      price: { input: 1, output: 2 },
      batch: { poll_seconds: 1, requests: 8, at_once: 3 },
      api_key_env: 'KEY',
    };
    {
      await using model = await open(server.url, spec);
      expect(await ask(model, prompts(20))).toEqual(echoes(prompts(20)));
      expect(model.spent).toMatchObject({ requests: 20, cost_usd: expect.closeTo((20 * (10 * 1 + 5 * 2)) / 2e6) });
    }
    expect(server.batches.map(({ total }) => total)).toEqual([8, 8, 4]);
    expect([...server.keys]).toEqual(['Bearer a-key-of-ours']);
    expect(await leftOver()).toEqual([]);

    // The way it was bought is not part of a question.
    await using online = await open(server.url, { mode: 'online' });
    expect(await ask(online, prompts(20))).toEqual(echoes(prompts(20)));
    expect(server.online).toBe(0);
    await ask(online, ['one more']);
    await using again = await open(server.url);
    expect(await ask(again, ['one more', 'and one'])).toEqual(echoes(['one more', 'and one']));
    expect(server.batches.slice(3).map(({ total }) => total)).toEqual([1]);
  });

  it('asks again for lines that failed, and drops what is refused, as when it asks one by one', async () => {
    const seen = new Map<string, number>();
    const { outcomes, server, most } = await askOnce(6, {
      script: ({ prompt }) => {
        const times = seen.get(prompt) ?? 0;
        seen.set(prompt, times + 1);
        if (prompt === 'q1' && times < 2) return { kind: 'status', status: 500 };
        if (prompt === 'q2') return { kind: 'status', status: 400, body: '{"error":{"message":"too rude"}}' };
        return { kind: 'answer', content: `echo: ${prompt}` };
      },
    });
    expect(outcomes).toEqual(['echo: q0', 'echo: q1', 'refused: 400 too rude', ...echoes(['q3', 'q4', 'q5'])]);
    expect(server.batches.map(({ total }) => total)).toEqual([6, 1, 1]);
    expect(most).toBe(1);
  });

  it('puts what cannot be used and what was cut off into further batches', async () => {
    await using server = await startBatchServer({
      script: ({ prompt, body }) => {
        if (body.messages.length > 1) return { kind: 'answer', content: 'right now' };
        if (prompt === 'q1' && body.max_tokens < 100) return { kind: 'answer', content: 'lon', finish: 'length' };
        return { kind: 'answer', content: prompt === 'q0' ? 'wrong' : 'right' };
      },
    });
    await using model = await open(server.url);
    const parse: AskOptions<string, string>['parse'] = ({ content }) =>
      content.startsWith('right') ? { ok: true, value: content } : { ok: false, why: 'it is wrong' };
    expect(await ask(model, prompts(4), { parse })).toEqual(['right now', 'right', 'right', 'right']);
    expect(server.batches.map(({ total }) => total)).toEqual([4, 2]);
  });

  it('keeps what a batch had answered when it expired, and sends the rest again', async () => {
    const { outcomes, server, most } = await askOnce(7, {
      endOf: (batch) => (batch === 0 ? { status: 'expired', answered: 3 } : { status: 'completed' }),
    });
    expect(outcomes).toEqual(echoes(prompts(7)));
    expect(server.batches.map(({ total }) => total)).toEqual([7, 4]);
    expect(most).toBe(1);
  });

  it('fails with the reason of the last line when the tries are used up', async () => {
    const { outcomes, server } = await askOnce(
      2,
      { endOf: () => ({ status: 'expired', answered: 0 }) },
      { retries: 2 },
    );
    const reason =
      'server: 3 batches; the last: the batch says: batch_expired: This request could not be executed before the end.';
    expect(outcomes).toEqual([reason, reason]);
    expect(server.batches).toHaveLength(3);
  });

  it('says what is wrong with a batch that is not taken, and leaves nothing behind', async () => {
    const errors = [{ code: 'invalid_json_line', message: 'This line is not parseable.', line: 3 }];
    const { outcomes } = await askOnce(4, { endOf: () => ({ status: 'failed', errors }) });
    expect(outcomes).toMatchObject({
      code: 'models/batch-refused',
      message:
        'The server of model "teacher" refused to answer a batch of 4 questions: This line is not parseable. (line 3 of its file)',
      hint: expect.stringContaining('mode'),
    });
    expect(await leftOver()).toEqual([]);
  });

  it('waits for a server whose queue is full, and comes with half as much', async () => {
    const errors = [{ code: 'token_limit_exceeded', message: 'Enqueued token limit reached for fake.' }];
    const { outcomes, server } = await askOnce(8, {
      endOf: (batch) => (batch === 0 ? { status: 'failed', errors } : { status: 'completed' }),
    });
    expect(outcomes).toEqual(echoes(prompts(8)));
    expect(server.batches.map(({ total }) => total)).toEqual([8, 4, 4]);
    expect(said.join('\n')).toContain('no room for 8 more questions; they are sent later, 4 at most at a time');
  });

  it('does not send again what somebody has cancelled, until it is told to', async () => {
    await using server = await startBatchServer({
      endOf: (batch) => (batch === 0 ? { status: 'cancelled', answered: 2 } : { status: 'completed' }),
    });
    {
      await using model = await open(server.url);
      await expect(ask(model, prompts(5))).rejects.toMatchObject({ code: 'models/batch-cancelled' });
    }
    await using model = await open(server.url);
    expect(await ask(model, prompts(5))).toEqual(echoes(prompts(5)));
    expect(server.batches.map(({ total }) => total)).toEqual([5, 3]);
  });

  it.each<[BatchStep, boolean]>([
    ['upload', false],
    ['create', false],
    ['created', false],
    ['created', true],
    ['poll', false],
    ['download', false],
    ['half', false],
  ])('gets over failures at "%s" (metadata forgotten: %s), and buys nothing twice', async (broken, forgetful) => {
    const { outcomes, server, most } = await askOnce(5, {
      forgetful,
      onStep: (step, count) => {
        if (step !== broken || count > 2) return undefined;
        return count === 1 && step !== 'half' ? { status: 500 } : 'drop';
      },
    });
    expect(outcomes).toEqual(echoes(prompts(5)));
    expect([most, server.batches.length]).toEqual([1, 1]);
    expect(server.count(broken)).toBeGreaterThan(broken === 'created' ? 0 : 2);
  });

  it('looks through all pages for a batch whose making it did not hear of', async () => {
    let mayList: () => void = () => undefined;
    const allThere = new Promise<void>((resolve) => {
      mayList = resolve;
    });
    const { outcomes, server, most } = await askOnce(
      12,
      {
        onStep: async (step, count) => {
          if (step === 'created' && count === 5) mayList();
          if (step === 'list') await allThere;
          return step === 'created' && count === 0 ? 'drop' : undefined;
        },
      },
      { batch: { poll_seconds: 1, requests: 2, at_once: 6 } },
    );
    expect(outcomes).toEqual(echoes(prompts(12)));
    expect([most, server.batches.length]).toEqual([1, 6]);
    expect(server.count('list')).toBe(3);
  });

  it.each([
    [404, 'upload', 'models/no-batch-api'],
    [405, 'create', 'models/no-batch-api'],
    [401, 'upload', 'models/unauthorised'],
    [400, 'create', 'models/batch-refused'],
    [429, 'create', 'models/no-credit'],
    [404, 'poll', 'models/batch-lost'],
    [404, 'download', 'models/batch-lost'],
  ] as const)('ends at once with a %i at "%s": %s', async (status, broken, code) => {
    const error = status === 429 ? { code: 'insufficient_quota' } : {};
    const { outcomes } = await askOnce(3, { onStep: (step) => (step === broken ? { status, error } : undefined) });
    expect(outcomes).toMatchObject({ code });
    if (code === 'models/no-batch-api')
      expect(outcomes).toMatchObject({ hint: expect.stringContaining('models.teacher.mode to online') });
  });

  it('gives up a server that stays away, and goes on with the batch there the next time', async () => {
    let isAway = true;
    await using server = await startBatchServer({
      onStep: (step, count) => (step === 'poll' && isAway && count > 0 ? 'drop' : undefined),
    });
    {
      await using model = await open(server.url, { saturation_seconds: 5 });
      await expect(ask(model, prompts(3))).rejects.toMatchObject({ code: 'models/saturated' });
    }
    const goesOn = '1 batch goes on at the server, with 3 questions (batch_0); run the same command again';
    expect(said.join('\n')).toContain(`teacher: ${goesOn}`);
    isAway = false;
    await using model = await open(server.url);
    expect(await ask(model, ['new', ...prompts(3)])).toEqual(echoes(['new', ...prompts(3)]));
    expect(server.batches.map(({ total }) => total)).toEqual([3, 1]);
  });

  it('takes nothing on trust that a file of answers holds', async () => {
    const { outcomes, most } = await askOnce(4, {
      strangeLines: ([first = '']) => [
        'no JSON',
        '{"custom_id":7}',
        first.replace(/"custom_id":"[0-9a-f]+"/, '"custom_id":"../../else"'),
        first.replace(/"custom_id":"[0-9a-f]+"/, '"custom_id":"__proto__"'),
        '[]',
        first.replace('"finish_reason":"stop"', '"finish_reason":7'),
        first,
        first.replace('echo', 'changed'),
        '',
      ],
    });
    expect(outcomes).toEqual(echoes(prompts(4)));
    expect(most).toBe(1);
    expect(said.join('\n')).toContain('5 lines of a batch are about none of its questions');
  });

  it('sends nothing that does not fit into the budget beside what is under way', async () => {
    const spec = { price: { input: 0, output: 1000, batch: 0.5 }, budget: { usd: 0.08 } };
    // At most 64 tokens, 0.032 USD, each; in truth 5.
    const { outcomes, server, spent } = await askOnce(40, {}, spec);
    expect(outcomes).toMatchObject({ code: 'models/budget-spent' });
    expect(server.batches[0]?.total).toBe(2);
    expect(spent.cost_usd).toBeLessThanOrEqual(0.08);
    expect(spent.cost_usd).toBeGreaterThan(0.08 - 0.032 - 0.0025);
  });

  it('lets two processes wait for one batch', async () => {
    await using server = await startBatchServer();
    await using one = await open(server.url);
    await using other = await open(server.url);
    const both = await Promise.all([ask(one, prompts(6)), ask(other, ['q9', ...prompts(6)])]);
    expect(both).toEqual([echoes(prompts(6)), echoes(['q9', ...prompts(6)])]);
    expect(Math.max(...server.bought.values())).toBe(1);
    expect(server.bought.size).toBe(7);
  });

  it('sends nothing after it was told to stop, and says what goes on without it', async () => {
    const controller = new AbortController();
    await using server = await startBatchServer({
      onStep: (step) => {
        if (step === 'poll') controller.abort(new Error('told to stop'));
        return undefined;
      },
    });
    {
      await using model = await open(server.url, { batch: { poll_seconds: 1, requests: 4, at_once: 1 } });
      await expect(ask(model, prompts(6), { signal: controller.signal })).rejects.toThrow('told to stop');
    }
    expect(server.batches.map(({ total }) => total)).toEqual([4]);
    expect(said.join('\n')).toContain('1 batch goes on at the server, with 4 questions (batch_0)');
  });
});
