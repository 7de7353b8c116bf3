import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRedactor } from '../../../../src/base/redact.js';
import { modelFolders } from '../../../../src/models/answers/model-folder.js';
import type { Clock } from '../../../../src/models/asking/clock.js';
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

function open(endpoint: string, spec: object = {}, clock: Clock = fastClock): Promise<OpenModel> {
  return openModel({
    name: 'teacher',
    spec: modelSpecSchema.parse({ model: 'fake', endpoint, ...inBatches, ...spec }),
    stateDir,
    env: () => 'a-key-of-ours',
    redact: createRedactor({}),
    clock,
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
      expect(model.spent).toMatchObject({ requests: 20, cost_usd: expect.closeTo((20 * (10 * 1 + 5 * 2)) / 2e6, 9) });
    }
    // All three are handed in at once: any may arrive first.
    expect(server.batches.map(({ total }) => total).sort()).toEqual([4, 8, 8]);
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

  it.each([400, 403])('ends as it did before when only refused questions are left (%i)', async (status) => {
    await using server = await startBatchServer({
      script: ({ prompt }) =>
        Number(prompt.slice(1)) >= 30
          ? { kind: 'status', status, body: '{"error":{"message":"too rude"}}' }
          : { kind: 'answer', content: `echo: ${prompt}` },
    });
    const expected = [...echoes(prompts(30)), ...Array<string>(10).fill(`refused: ${status} too rude`)];
    for (const total of [40, 10]) {
      await using model = await open(server.url);
      expect(await ask(model, prompts(40))).toEqual(expected);
      expect(server.batches.at(-1)?.total).toBe(total);
    }
    expect(server.batches).toHaveLength(2);
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

  it('sends again what a batch has left out of its files, and says so in the end', async () => {
    const { outcomes, server, most } = await askOnce(
      5,
      { endOf: (batch) => ({ status: 'completed', answered: [3, 1, 0][batch] ?? 0, silent: true }) },
      { retries: 2 },
    );
    const reason = 'server: 3 batches; the last: batch batch_2 has ended (completed) without a word about it';
    expect(outcomes).toEqual([...echoes(prompts(4)), reason]);
    expect(server.batches.map(({ total }) => total)).toEqual([5, 2, 1]);
    expect(most).toBe(1);
  });

  it('puts no more questions into a batch than it may have, however many wait for their turn', async () => {
    await using server = await startBatchServer();
    await using model = await open(server.url, { batch: { poll_seconds: 1, requests: 4, at_once: 1 } });
    const three = [0, 1, 2].map((part) => [0, 1, 2, 3].map((index) => `p${part} ${index}`));
    expect(await Promise.all(three.map((rows) => ask(model, rows)))).toEqual(three.map(echoes));
    expect(server.batches.map(({ total }) => total)).toEqual([4, 4, 4]);
  });

  it('hears of all questions before it takes a process that stood still for a quiet one', async () => {
    let now = 0;
    // Between any two looks at it more time is gone than no question may come in.
    const halting: Clock = {
      ...fastClock,
      now: () => {
        now += 1500;
        return now;
      },
    };
    await using server = await startBatchServer();
    await using model = await open(server.url, { saturation_seconds: 3600 }, halting);
    expect(await ask(model, prompts(6))).toEqual(echoes(prompts(6)));
    expect(server.batches.map(({ total }) => total)).toEqual([6]);
  });

  it('puts no more bytes into a batch than it may have, and what is larger into one of its own', async () => {
    await using server = await startBatchServer();
    await using model = await open(server.url, { batch: { poll_seconds: 1, megabytes: 0.001, at_once: 16 } });
    const rows = [...prompts(7), 'long'.repeat(400), ...prompts(10).slice(7)];
    expect(await ask(model, rows)).toEqual(echoes(rows));
    const sent = server.batches.map(({ input_file_id, total }) => ({
      total,
      bytes: Buffer.byteLength(server.files.get(input_file_id) ?? ''),
    }));
    const [large, ...others] = sent.toSorted((a, b) => b.bytes - a.bytes);
    expect(large).toMatchObject({ total: 1, bytes: expect.toSatisfy((bytes: number) => bytes > 1000) });
    expect(others.every(({ bytes }) => bytes <= 1000)).toBe(true);
    // As many as fit: only the one before the large question and the last one have room for another.
    const each = Math.max(...others.map(({ bytes, total }) => bytes / total));
    expect(others.filter(({ bytes }) => bytes + each <= 1000).length).toBeLessThanOrEqual(2);
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
    const silent = await askOnce(4, { endOf: () => ({ status: 'failed' }) });
    expect(silent.outcomes).toMatchObject({ message: expect.stringContaining('it does not say why') });
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
      await expect(ask(model, prompts(5))).rejects.toMatchObject({
        code: 'models/batch-cancelled',
        hint: expect.stringContaining('Run the same command again to ask for the rest'),
      });
    }
    expect(await leftOver()).toEqual([]);
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
    [404, 'upload', 'models/no-batch-api', 'models.teacher.mode to online', 'nothing'],
    [405, 'create', 'models/no-batch-api', 'models.teacher.mode to online', 'nothing'],
    [401, 'upload', 'models/unauthorised', 'models.teacher.api_key_env', 'nothing'],
    [400, 'create', 'models/batch-refused', 'models.teacher.mode to online', 'nothing'],
    [429, 'create', 'models/no-credit', 'top up', 'nothing'],
    [401, 'poll', 'models/unauthorised', 'models.teacher.api_key_env', 'a batch that goes on'],
    [403, 'poll', 'models/forbidden', 'the key', 'a batch that goes on'],
    [404, 'poll', 'models/batch-lost', 'Another key may see it', 'a batch'],
    [404, 'download', 'models/batch-lost', 'Another key may see it', 'a batch'],
  ] as const)('ends at once with a %i at "%s": %s', async (status, broken, code, hint, left) => {
    const error = status === 429 ? { code: 'insufficient_quota' } : {};
    const { outcomes, server } = await askOnce(3, {
      onStep: (step) => (step === broken ? { status, error } : undefined),
    });
    expect(outcomes).toMatchObject({ code, hint: expect.stringContaining(hint) });
    expect(server.count(broken)).toBe(1);
    expect((await leftOver()).length).toBe(left === 'nothing' ? 0 : 1);
    expect(said.some((message) => message.includes('goes on at the server'))).toBe(left === 'a batch that goes on');
  });

  it('buys once more what is lost, when the file is deleted that it names', async () => {
    let isLost = true;
    await using server = await startBatchServer({
      onStep: (step) => (step === 'poll' && isLost ? { status: 404 } : undefined),
    });
    const errors: unknown[] = [];
    for (let tries = 0; tries < 2; tries += 1) {
      await using model = await open(server.url);
      errors.push(await ask(model, prompts(3)).catch((error: unknown) => error));
    }
    expect(errors).toMatchObject([{ code: 'models/batch-lost' }, { code: 'models/batch-lost' }]);
    expect(server.batches).toHaveLength(1);
    const [, path = ''] = /delete (\S+\.json) and run again/.exec((errors[1] as { readonly hint: string }).hint) ?? [];
    await rm(path);
    isLost = false;
    await using model = await open(server.url);
    expect(await ask(model, prompts(3))).toEqual(echoes(prompts(3)));
    expect(server.batches).toHaveLength(2);
  });

  it('says which file is none of a batch, and sends nothing', async () => {
    await using server = await startBatchServer();
    {
      await using model = await open(server.url);
      await ask(model, ['q']);
    }
    const [{ path } = { path: '' }] = await modelFolders(stateDir);
    const broken = join(path, 'batches', `${'0'.repeat(26)}.json`);
    await writeFile(broken, '{"schema":1}');
    await using model = await open(server.url);
    await expect(ask(model, prompts(2))).rejects.toMatchObject({
      code: 'models/bad-batch',
      message: expect.stringContaining(broken),
      hint: expect.stringContaining('delete the file'),
    });
    expect(server.batches).toHaveLength(1);
  });

  it('asks another server for what is in a batch at the first, and leaves that batch for later', async () => {
    let isAway = true;
    await using first = await startBatchServer({ onStep: (step) => (step === 'poll' && isAway ? 'drop' : undefined) });
    await using other = await startBatchServer();
    {
      await using model = await open(first.url, { saturation_seconds: 1 });
      await expect(ask(model, prompts(3))).rejects.toMatchObject({
        code: 'models/saturated',
        hint: expect.stringContaining('A batch that is there goes on without us'),
      });
    }
    {
      await using model = await open(other.url);
      expect(await ask(model, prompts(2))).toEqual(echoes(prompts(2)));
    }
    expect([first.batches.length, other.batches.length]).toEqual([1, 1]);
    isAway = false;
    await using model = await open(first.url);
    expect(await ask(model, prompts(3))).toEqual(echoes(prompts(3)));
    expect([first.batches.length, other.batches.length]).toEqual([1, 1]);
  });

  it('looks less and less often, and waits as long as a server with too much to do says, but not for ever', async () => {
    const pauses: number[] = [];
    const clock: Clock = {
      ...fastClock,
      random: () => 0.5,
      // Pauses of a second are also those in which no question comes.
      sleep: (milliseconds, signal) => {
        if (milliseconds > 1000) pauses.push(milliseconds);
        return fastClock.sleep(milliseconds, signal);
      },
    };
    await using server = await startBatchServer({
      onStep: (step, count) => {
        if (step !== 'poll') return undefined;
        if (count < 2) return undefined;
        return count < 11
          ? { status: 429, ...([{ retryAfter: 7 }, { retryAfter: 3600 }][count - 2] ?? {}) }
          : undefined;
      },
    });
    // Far longer than a server may be away.
    await using model = await open(server.url, { saturation_seconds: 1 }, clock);
    expect(await ask(model, prompts(2))).toEqual(echoes(prompts(2)));
    const refused = [7000, 10_000, 2250, 3375, 5062.5, 7593.75, 10_000, 10_000, 10_000];
    expect(pauses).toEqual([1500, ...refused, 2250]);
    expect(server.bought.size).toBe(2);
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
    const { outcomes, most, spent } = await askOnce(4, {
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
    expect([most, spent.requests]).toEqual([1, 4]);
    expect(said.join('\n')).toContain('5 lines of a batch are about none of its questions');
    const endless = await askOnce(1, { strangeLines: () => Array(200).fill('{}') }, { retries: 0, model: 'other' });
    expect(endless.outcomes).toEqual([expect.stringContaining('without a word about it')]);
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

  it('lets two wait for one batch, and share what it leaves open', async () => {
    await using server = await startBatchServer({
      endOf: (batch) => (batch === 0 ? { status: 'expired', answered: 2 } : { status: 'completed' }),
    });
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
