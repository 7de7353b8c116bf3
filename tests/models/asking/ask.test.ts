import { mkdirSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRedactor } from '../../../src/base/redact.js';
import { modelFolders } from '../../../src/models/answers/model-folder.js';
import { writeRecording } from '../../../src/models/answers/recording.js';
import { systemClock } from '../../../src/models/asking/clock.js';
import { SharedLimits } from '../../../src/models/asking/shared-limits.js';
import type { ChatRequest } from '../../../src/models/chat.js';
import type { AskOptions } from '../../../src/models/model.js';
import { modelSpecSchema } from '../../../src/models/model-spec.js';
import { type ModelLog, type OpenModel, type OpenModelOptions, openModel } from '../../../src/models/open-model.js';
import type { ModelServer } from '../../../src/models/serving/model-server.js';
import { fastClock } from '../../support/fast-clock.js';
import { type ServerAction, type ServerScript, startOpenaiServer } from '../../support/openai-server.js';

let stateDir: string;
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'secpi-ask-'));
});
afterEach(() => rm(stateDir, { recursive: true, force: true }));

interface SpecInput extends Partial<Record<string, unknown>> {
  readonly endpoint?: string;
}

async function open(spec: SpecInput, more: Partial<OpenModelOptions> = {}): Promise<OpenModel> {
  return openModel({
    name: 'teacher',
    spec: modelSpecSchema.parse({ model: 'fake', ...spec }),
    stateDir,
    env: () => undefined,
    redact: createRedactor({}),
    clock: fastClock,
    ...more,
  });
}

function question(prompt: string, sampling: Partial<ChatRequest['sampling']> = {}, sample = 0): ChatRequest {
  return {
    messages: [{ role: 'user', content: prompt }],
    sampling: { temperature: 0, top_p: 1, max_tokens: 64, ...sampling },
    format: 'text',
    sample,
  };
}

/** Asks with each prompt as a row and its answer's text as the parsed value. */
async function askAll(model: OpenModel, prompts: readonly string[], more: Partial<AskOptions<string, string>> = {}) {
  const outcomes = [];
  const asked = model.ask<string, string>({
    rows: prompts,
    request: (prompt) => question(prompt),
    parse: (answer) => ({ ok: true, value: answer.content }),
    signal: new AbortController().signal,
    ...more,
  });
  for await (const { row, outcome } of asked) {
    expect(row).toBe(prompts[outcomes.length]);
    outcomes.push(outcome);
  }
  return outcomes;
}

const prompts = (count: number): string[] => Array.from({ length: count }, (_, index) => `q${index}`);
const answered = (content: string, finish = 'stop'): ServerAction => ({ kind: 'answer', content, finish });

/** Plays `first` for each prompt's first call and answers afterwards; `q0` at once, so that somebody is there. */
function onceBad(first: ServerAction): ServerScript {
  const seen = new Set<string>(['q0']);
  return ({ prompt }) => {
    if (seen.has(prompt)) return answered(`echo: ${prompt}`);
    seen.add(prompt);
    return first;
  };
}

describe('asking', () => {
  it('answers every row in order, within its concurrency, and buys nothing twice', async () => {
    await using server = await startOpenaiServer(async ({ prompt }, call) => {
      await sleep((call * 7) % 20);
      return answered(`echo: ${prompt}`);
    });
    const spec = { endpoint: server.url, concurrency: { start: 4, max: 6 }, price: { input: 1, output: 2 } };
    const settled: number[] = [];
    {
      await using model = await open(spec);
      const outcomes = await askAll(model, prompts(40), { onSettled: (done) => settled.push(done) });
      expect(outcomes.map((outcome) => outcome.ok && [outcome.parsed, outcome.from, outcome.used.cost_usd])).toEqual(
        prompts(40).map((prompt) => [`echo: ${prompt}`, 'server', (10 * 1 + 5 * 2) / 1e6]),
      );
      expect(model.spent).toEqual({
        requests: 40,
        input_tokens: 400,
        output_tokens: 200,
        cached_input_tokens: 0,
        reasoning_tokens: 0,
        cost_usd: expect.closeTo(40 * 20e-6),
      });
    }
    expect(settled).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    expect(server.maxConcurrency).toBeLessThanOrEqual(6);
    expect(server.maxConcurrency).toBeGreaterThan(1);

    await using again = await open(spec);
    const outcomes = await askAll(again, [...prompts(40), 'one more']);
    expect(server.received).toHaveLength(41);
    expect(outcomes.filter((outcome) => outcome.ok && outcome.from === 'store')).toHaveLength(40);
    // What a resumed run used cost what it did then.
    expect(outcomes.map(({ used }) => used)).toEqual(Array(41).fill({ input: 10, output: 5, cost_usd: 20e-6 }));
    expect(again.spent.requests).toBe(1);
  });

  it.each<[string, ServerAction]>([
    ['429', { kind: 'status', status: 429, headers: { 'retry-after': '1' } }],
    ['500', { kind: 'status', status: 500 }],
    ['reset', { kind: 'reset' }],
    ['cut', { kind: 'cut' }],
    ['error in 200', { kind: 'error-in-200', error: { message: 'oops' } }],
    ['unfinished', { kind: 'unfinished', content: 'half' }],
  ])('gets over one %s per row without losing one', async (_, fault) => {
    await using server = await startOpenaiServer(onceBad(fault));
    await using model = await open({ endpoint: server.url });
    const outcomes = await askAll(model, prompts(30));
    expect(outcomes.map((outcome) => outcome.ok && outcome.parsed)).toEqual(
      prompts(30).map((prompt) => `echo: ${prompt}`),
    );
    expect(server.received).toHaveLength(59);
    expect(model.spent.requests).toBe(30);
  });

  it('loses, doubles and swaps nothing, whatever mixture of faults the server plays', () => {
    const faults = fc.constantFrom<ServerAction>(
      { kind: 'status', status: 429 },
      { kind: 'status', status: 503 },
      { kind: 'reset' },
      { kind: 'cut' },
      { kind: 'error-in-200', error: { message: 'oops' } },
      { kind: 'raw', body: '<html>' },
      answered('nonsense'),
      answered('half', 'length'),
    );
    // What each call gets first; `undefined` is a good answer.
    const scripts = fc.array(fc.option(faults, { nil: undefined }), { maxLength: 40 });
    return fc.assert(
      fc.asyncProperty(scripts, fc.integer({ min: 1, max: 12 }), async (script, rows) => {
        await using server = await startOpenaiServer(
          ({ prompt }, call) => script[call - 1] ?? answered(`echo: ${prompt}`),
        );
        const own = await mkdtemp(join(stateDir, 'run-'));
        const spec = { endpoint: server.url, retries: 50, concurrency: { start: 2, max: 4 } };
        const more: Partial<AskOptions<string, string>> = {
          askAgain: 50,
          parse: ({ content }) =>
            content.startsWith('echo') ? { ok: true, value: content } : { ok: false, why: 'no' },
        };
        const expected = prompts(rows).map((prompt) => `echo: ${prompt}`);
        const texts = (outcomes: Awaited<ReturnType<typeof askAll>>) =>
          // Cut off twice in a row is the one way to end without an answer.
          outcomes.map((one, index) => (one.ok || one.reason !== 'truncated' ? one.ok && one.parsed : expected[index]));
        let calls: number;
        {
          await using model = await open(spec, { stateDir: own });
          expect(texts(await askAll(model, prompts(rows), more))).toEqual(expected);
          calls = server.received.length;
        }
        await using again = await open(spec, { stateDir: own });
        expect(texts(await askAll(again, prompts(rows), more))).toEqual(expected);
        expect(server.received).toHaveLength(calls);
      }),
      { numRuns: 15 },
    );
  });

  it('gives up on the one question that the server cannot take, and says why', async () => {
    await using server = await startOpenaiServer(({ prompt }) =>
      prompt === 'q3' ? { kind: 'status', status: 500 } : answered('fine'),
    );
    await using model = await open({ endpoint: server.url, retries: 2 });
    const outcomes = await askAll(model, prompts(20));
    expect(outcomes[3]).toMatchObject({ ok: false, reason: 'server', message: expect.stringContaining('3 attempts') });
    expect(outcomes.filter((outcome) => outcome.ok)).toHaveLength(19);
    expect(server.received.filter(({ prompt }) => prompt === 'q3')).toHaveLength(3);
  });

  it('takes a refusal of one question for what it is', async () => {
    await using server = await startOpenaiServer(({ prompt }) => {
      if (prompt === 'q1') return { kind: 'status', status: 400 };
      return prompt === 'q2' ? answered('…', 'content_filter') : answered('fine');
    });
    await using model = await open({ endpoint: server.url });
    const outcomes = await askAll(model, prompts(4));
    expect(outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.reason))).toEqual(['ok', 'refused', 'refused', 'ok']);
    expect(server.received).toHaveLength(4);
  });

  it('shares one answer among equal rows', async () => {
    await using server = await startOpenaiServer();
    await using model = await open({ endpoint: server.url });
    const outcomes = await askAll(model, ['same', 'same', 'other', 'same']);
    expect(outcomes.every((outcome) => outcome.ok)).toBe(true);
    expect(server.received).toHaveLength(2);
    expect(model.spent.requests).toBe(2);
  });

  it('sends other seeds for further samples', async () => {
    await using server = await startOpenaiServer();
    await using model = await open({ endpoint: server.url });
    for (const sample of [0, 1, 2]) {
      await askAll(model, ['q'], { request: (prompt) => question(prompt, { seed: 5 }, sample) });
    }
    expect(server.received.map(({ body }) => body.seed)).toEqual([5, 5 + 7919, 5 + 2 * 7919]);
  });

  it('goes on behind a slow row with every kind of outcome, in order, and buys nothing twice', async () => {
    const count = 300;
    let release = (): void => undefined;
    const last = new Promise<void>((resolve) => {
      release = resolve;
    });
    await using server = await startOpenaiServer(async ({ prompt, body }) => {
      const number = Number(prompt.slice(1));
      if (number === count - 1) release();
      if (number === 0) await last;
      if (number % 50 === 7) return { kind: 'status', status: 400 };
      if (number % 50 === 8) return answered(`endless ${body.max_tokens}`, 'length');
      if (number % 50 === 9) return answered('bad');
      return answered(`echo: ${prompt}`);
    });
    const more: Partial<AskOptions<string, string>> = {
      rows: () => prompts(count),
      parse: ({ content }) => (content === 'bad' ? { ok: false, why: 'it is bad' } : { ok: true, value: content }),
      askAgain: 1,
    };
    // With four requests at a time only sixteen rows are in work.
    await using model = await open({ endpoint: server.url, concurrency: { start: 4, max: 4 } });
    const outcomes = await askAll(model, prompts(count), more);
    const expected = prompts(count).map((prompt, number) => {
      if (number % 50 === 7) return { ok: false, reason: 'refused' };
      if (number % 50 === 8) return { ok: false, reason: 'truncated', answer: { content: 'endless 128' } };
      if (number % 50 === 9)
        return { ok: false, reason: 'unparsable', answer: { content: 'bad' }, message: 'it is bad' };
      return { ok: true, parsed: `echo: ${prompt}`, from: 'server', answer: { tokens: { input: 10, output: 5 } } };
    });
    expect(outcomes).toMatchObject(expected);
    expect(server.received).toHaveLength(count + 6 + 6);
    expect(await askAll(model, prompts(count), more)).toMatchObject(
      expected.map((one) => (one.ok ? { ...one, from: 'store' } : one)),
    );
    // What was refused is asked again: nobody has kept it.
    expect(server.received).toHaveLength(count + 6 + 6 + 6);
  });

  it('buys again what is gone from the disk before the turn of its row', async () => {
    const count = 40;
    let release = (): void => undefined;
    const gone = new Promise<void>((resolve) => {
      release = resolve;
    });
    await using server = await startOpenaiServer(async ({ prompt }) => {
      if (prompt === 'q0') await gone;
      if (prompt === `q${count - 1}`) {
        const [{ path } = { path: '' }] = await modelFolders(stateDir);
        for (const name of readdirSync(path)) if (name.endsWith('.gz')) truncateSync(join(path, name));
        release();
      }
      return answered(`echo: ${prompt}`);
    });
    await using model = await open({ endpoint: server.url, concurrency: { start: 4, max: 4 } });
    const outcomes = await askAll(model, prompts(count), { rows: () => prompts(count) });
    expect(outcomes).toMatchObject(prompts(count).map((prompt) => ({ ok: true, parsed: `echo: ${prompt}` })));
    expect(server.received.length).toBeGreaterThan(count);
  });

  it('stops with the last row that is wanted, and asks for no more than surely needed', async () => {
    await using server = await startOpenaiServer(async (_, call) => {
      await sleep((call * 7) % 10);
      return answered('fine');
    });
    await using model = await open({ endpoint: server.url });
    const until = { rows: 20, are: (_: string, outcome: { readonly ok: boolean }) => outcome.ok };
    const outcomes = [];
    const asked = model.ask({
      rows: () => prompts(2000),
      request: (prompt) => question(prompt),
      parse: () => ({ ok: true, value: null }),
      until,
      signal: new AbortController().signal,
    });
    for await (const { row } of asked) outcomes.push(row);
    expect(outcomes).toEqual(prompts(20));
    expect(server.received).toHaveLength(20);
  });

  it('reads no more rows than it works on', async () => {
    await using server = await startOpenaiServer();
    await using model = await open({ endpoint: server.url, concurrency: { start: 2, max: 4 } });
    let pulled = 0;
    function* rows() {
      for (; ; pulled += 1) yield `q${pulled}`;
    }
    const asked = model.ask({
      rows: rows(),
      request: (prompt) => question(prompt),
      parse: () => ({ ok: true, value: null }),
      signal: new AbortController().signal,
    });
    let seen = 0;
    for await (const _ of asked) {
      seen += 1;
      if (seen === 50) break;
    }
    expect(pulled).toBeLessThanOrEqual(50 + 16 + 16);
  });
});

describe('an unusable answer', () => {
  it('is shown to the model with what is wrong with it, so that no question is asked twice', async () => {
    await using server = await startOpenaiServer((_, call) => answered(call < 2 ? `bad ${'x'.repeat(9000)}` : 'good'));
    const parse: AskOptions<string, string>['parse'] = ({ content }) =>
      content === 'good' ? { ok: true, value: content } : { ok: false, why: 'it is bad' };
    await using model = await open({ endpoint: server.url });
    expect(await askAll(model, ['q'], { parse })).toMatchObject([{ ok: true, parsed: 'good' }]);
    const [first, second, third] = server.received.map(({ body }) => body.messages);
    expect(first).toEqual([{ role: 'user', content: 'q' }]);
    expect(second).toEqual([
      { role: 'user', content: 'q' },
      { role: 'assistant', content: expect.stringMatching(/^bad x+…$/) },
      { role: 'user', content: expect.stringContaining('it is bad') },
    ]);
    expect(second?.[1]?.content.length).toBeLessThan(4100);
    expect(third).toHaveLength(5);
  });

  it('leaves what is known when the server does not take the second question', async () => {
    await using server = await startOpenaiServer(({ body }) =>
      body.messages.length > 1 ? { kind: 'status', status: 400 } : answered(''),
    );
    await using model = await open({ endpoint: server.url });
    const parse = () => ({ ok: false as const, why: 'it is empty' });
    expect(await askAll(model, ['q'], { parse })).toMatchObject([
      { ok: false, reason: 'unparsable', message: 'it is empty' },
    ]);
    expect(server.received[1]?.body.messages[1]?.content).toBe('(no answer)');
  });

  it('is asked for again, at most so many times, and each is bought once', async () => {
    await using server = await startOpenaiServer(({ prompt }, call) =>
      answered(prompt === 'never' ? 'bad' : call < 2 ? 'bad' : 'good'),
    );
    const parse: AskOptions<string, string>['parse'] = ({ content }) =>
      content === 'good' ? { ok: true, value: content } : { ok: false, why: `it says ${content}` };
    {
      await using model = await open({ endpoint: server.url });
      const [outcome] = await askAll(model, ['q'], { parse, askAgain: 4 });
      expect(outcome).toMatchObject({ ok: true, parsed: 'good' });
      expect(server.received).toHaveLength(3);
      const [never] = await askAll(model, ['never'], { parse, askAgain: 1 });
      expect(never).toMatchObject({
        ok: false,
        reason: 'unparsable',
        message: 'it says bad',
        answer: { content: 'bad' },
      });
      expect(server.received).toHaveLength(5);
    }
    await using again = await open({});
    expect(await askAll(again, ['q', 'never'], { parse, askAgain: 4 })).toMatchObject([
      { ok: true, parsed: 'good', from: 'store' },
      { ok: false, reason: 'unparsable' },
    ]);
  });

  it('that was cut off is asked for with twice the room, once', async () => {
    await using server = await startOpenaiServer(({ prompt, body }) =>
      answered(`${body.max_tokens}`, prompt === 'long' && body.max_tokens >= 128 ? 'stop' : 'length'),
    );
    await using model = await open({ endpoint: server.url });
    expect(await askAll(model, ['long', 'endless'])).toMatchObject([
      { ok: true, parsed: '128' },
      { ok: false, reason: 'truncated', message: expect.stringContaining('128 tokens'), answer: { content: '128' } },
    ]);
    expect(server.received).toHaveLength(4);
    expect(await askAll(model, ['endless'], { onTruncated: 'keep' })).toMatchObject([
      { ok: true, parsed: '64', answer: { finish: 'length' }, from: 'store' },
    ]);
    expect(server.received).toHaveLength(4);
  });

  it('stays truncated when the server has no more room', async () => {
    await using server = await startOpenaiServer(({ body }) =>
      body.max_tokens > 64 ? { kind: 'status', status: 400 } : answered('half', 'length'),
    );
    await using model = await open({ endpoint: server.url });
    expect(await askAll(model, ['q'])).toMatchObject([{ ok: false, reason: 'truncated', answer: { content: 'half' } }]);
  });
});

describe('where answers come from', () => {
  it('is the recording first, then the store, then the server', async () => {
    const replay = join(stateDir, 'recording.jsonl');
    const answer = { reasoning: null, content: 'recorded', finish: 'stop', tokens: { input: 1, output: 1 } } as const;
    await writeRecording({ identity: 'fake', answers: [{ request: question('a'), answer }] }, replay);
    await using server = await startOpenaiServer();
    {
      await using model = await open({ endpoint: server.url });
      await askAll(model, ['a', 'b']);
    }
    await using model = await open({ endpoint: server.url, replay });
    const outcomes = await askAll(model, ['a', 'b', 'c']);
    expect(outcomes.map((outcome) => outcome.ok && [outcome.parsed, outcome.from])).toEqual([
      ['recorded', 'recording'],
      ['echo: b', 'store'],
      ['echo: c', 'server'],
    ]);
    expect(outcomes[0]).toMatchObject({ used: { input: 1, output: 1, cost_usd: 0 } });
  });

  it('is named when there is none', async () => {
    const replay = join(stateDir, 'recording.jsonl');
    const answer = { reasoning: null, content: 'recorded', finish: 'stop', tokens: { input: 1, output: 1 } } as const;
    await writeRecording({ identity: 'another', answers: [{ request: question('a'), answer }] }, replay);
    await using model = await open({ replay });
    const [outcome] = await askAll(model, ['a']);
    expect(outcome).toMatchObject({ ok: false, reason: 'not_recorded' });
    const message = outcome?.ok === false ? outcome.message : '';
    expect(message).toContain(replay);
    expect(message).toContain('"another"');
    await using bare = await open({});
    expect(await askAll(bare, ['a'])).toMatchObject([
      { reason: 'not_recorded', message: expect.stringContaining('"teacher"') },
    ]);
  });

  it('is estimated without asking', async () => {
    await using server = await startOpenaiServer();
    await using model = await open({ endpoint: server.url, price: { input: 1, output: 10 } });
    await askAll(model, ['known']);
    const estimate = await model.estimate([question('known'), question('x'.repeat(400)), question('12345678')]);
    expect(estimate).toEqual({
      kept: 1,
      requests: 2,
      input_tokens: 102,
      output_tokens: 128,
      cost_usd: expect.closeTo((102 + 1280) / 1e6),
    });
    expect(server.received).toHaveLength(1);
  });
});

describe('what a server counts', () => {
  const usage = {
    prompt_tokens: 100,
    completion_tokens: 50,
    prompt_tokens_details: { cached_tokens: 80 },
    completion_tokens_details: { reasoning_tokens: 40 },
  };
  const cost = async (price: object, counted: object) => {
    await using server = await startOpenaiServer(() => ({
      kind: 'answer',
      content: 'a',
      usage: counted as typeof usage,
    }));
    await using model = await open(
      { endpoint: server.url, price },
      { stateDir: await mkdtemp(join(stateDir, 'own-')) },
    );
    const [outcome] = await askAll(model, ['q']);
    expect(outcome).toMatchObject({ ok: true, used: { cost_usd: model.spent.cost_usd } });
    return { ...model.spent, micro_usd: Math.round(model.spent.cost_usd * 1e6 * 1000) / 1000 };
  };

  it('is paid at the price of input that was cached and of output that was thought', async () => {
    expect(await cost({ input: 2, output: 8, cached_input: 0.5, reasoning: 4 }, usage)).toMatchObject({
      input_tokens: 100,
      output_tokens: 50,
      cached_input_tokens: 80,
      reasoning_tokens: 40,
      micro_usd: 20 * 2 + 80 * 0.5 + 10 * 8 + 40 * 4,
    });
    expect((await cost({ input: 2, output: 8 }, usage)).micro_usd).toBe(100 * 2 + 50 * 8);
    const beside = { ...usage, total_tokens: 190 };
    expect(await cost({ input: 2, output: 8 }, beside)).toMatchObject({ output_tokens: 90, reasoning_tokens: 40 });
    const odd = { ...usage, prompt_tokens_details: null, completion_tokens_details: { reasoning_tokens: 'many' } };
    expect(await cost({ input: 2, output: 8 }, odd)).toMatchObject({ cached_input_tokens: 0, reasoning_tokens: 0 });
    const deepseek = { prompt_tokens: 100, completion_tokens: 50, prompt_cache_hit_tokens: 500 };
    expect(await cost({ input: 2, output: 8 }, deepseek)).toMatchObject({ cached_input_tokens: 100 });
  });
});

describe('further fields', () => {
  it('go with every question, make another one of it, and give it its room', async () => {
    await using server = await startOpenaiServer(({ body }) => answered('a', body.top_k === 7 ? 'length' : 'stop'));
    const ask = async (request?: object) => {
      await using model = await open({ endpoint: server.url, ...(request && { request }) });
      await askAll(model, ['q']);
    };
    await ask();
    await ask({ top_k: 5, reasoning_effort: 'low' });
    await ask({ reasoning_effort: 'low', top_k: 5 });
    await ask({ top_k: 7, max_completion_tokens: 1000 });
    const bodies = server.received.map(({ body: { messages, stream, temperature, top_p, model, ...body } }) => body);
    expect(bodies).toEqual([
      { max_tokens: 64 },
      { max_tokens: 64, top_k: 5, reasoning_effort: 'low' },
      { top_k: 7, max_completion_tokens: 1000 },
      { top_k: 7, max_completion_tokens: 2000, stream_options: { include_usage: true } },
    ]);
  });
});

describe('a run again of which only refused questions are left', () => {
  const refusal = (status: number, from: number): ServerScript => {
    return ({ prompt }) => (Number(prompt.slice(1)) >= from ? { kind: 'status', status } : answered(`echo: ${prompt}`));
  };
  /** Asks forty questions twice, each time with a model of its own. */
  async function askTwice(script: ServerScript) {
    await using server = await startOpenaiServer(script);
    const spec = { endpoint: server.url, retries: 1, concurrency: { start: 20, max: 20 } };
    const asOutcomes = async () => {
      await using model = await open(spec);
      const outcomes = await askAll(model, prompts(40));
      return outcomes.map((one) => (one.ok ? one.parsed : `${one.reason}: ${one.message}`));
    };
    const first = await asOutcomes();
    const asked = server.received.length;
    return { first, second: await asOutcomes(), asked, askedAgain: server.received.length - asked };
  }

  it.each([
    ['ten with 400', 400, 30, 10],
    ['ten with 403', 403, 30, 10],
    ['one with 403', 403, 39, 1],
    ['one with 500', 500, 39, 2],
  ])('ends as the first one did: %s', async (_, status, from, again) => {
    const { first, second, asked, askedAgain } = await askTwice(refusal(status, from));
    expect(first.filter((one) => one.startsWith('echo: '))).toHaveLength(from);
    expect(second).toEqual(first);
    expect([asked, askedAgain]).toEqual([from + again, again]);
  });

  it('ends as the first one did when those stand before all others', async () => {
    const { first, second } = await askTwice(async ({ prompt }, call) => {
      if (Number(prompt.slice(1)) >= 5) return answered('fine');
      // The first time an answer is there before.
      if (call < 40) await sleep(100);
      return { kind: 'status', status: 403 };
    });
    expect(second).toEqual(first);
  });

  it.each([
    [401, 'models/unauthorised', 16],
    [402, 'models/no-credit', 16],
    [403, 'models/forbidden', 40],
    [404, 'models/no-such-model', 16],
    [400, 'models/refused', 40],
  ])('is told early all the same that status %i meets every question', async (status, code, most) => {
    await using server = await startOpenaiServer();
    {
      await using model = await open({ endpoint: server.url });
      await askAll(model, prompts(10));
    }
    await using refusing = await startOpenaiServer(() => ({
      kind: 'status',
      status,
      body: '{"error":{"message":"no"}}',
    }));
    await using model = await open({ endpoint: refusing.url });
    await expect(askAll(model, prompts(500))).rejects.toMatchObject({ code, message: expect.stringContaining('no') });
    expect(refusing.received.length).toBeLessThanOrEqual(most);
  });

  it.each([1, 100])('is told early all the same that nobody is there (%i left)', async (left) => {
    const gone = await startOpenaiServer();
    {
      await using model = await open({ endpoint: gone.url });
      await askAll(model, prompts(10));
    }
    await gone[Symbol.asyncDispose]();
    await using model = await open({ endpoint: gone.url });
    const begun = fastClock.now();
    await expect(askAll(model, prompts(10 + left))).rejects.toMatchObject({
      code: 'models/unreachable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
    // A hundred seconds of this clock are one.
    expect(fastClock.now() - begun).toBeLessThan(100_000);
  });
});

describe('the budget', () => {
  /** Asks until it throws; what was settled by then. */
  async function askUntilSpent(model: OpenModel, rows: readonly string[]) {
    let settled = 0;
    const ends = expect(askAll(model, rows, { onSettled: (done) => (settled = done) })).rejects;
    await ends.toMatchObject({ code: 'models/budget-spent', exitCode: 1 });
    return settled;
  }

  it('ends the asking when it is spent, keeps what is there, and a larger one goes on', async () => {
    await using server = await startOpenaiServer();
    // An answer costs 15 tokens; setting one aside takes 73 (1 + 8 for the question, 64 for the answer).
    const spec = { endpoint: server.url, budget: { tokens: 110 } };
    {
      await using model = await open(spec);
      expect(await askUntilSpent(model, prompts(10))).toBe(3);
      await expect(askAll(model, prompts(10))).rejects.toThrow(
        'The budget of model "teacher" (110 tokens) is spent: 45 tokens went into its answers, and the next one may take 73 tokens',
      );
    }
    {
      await using again = await open(spec);
      expect(await askUntilSpent(again, prompts(10))).toBe(3);
      expect(server.received).toHaveLength(3);
    }
    await using larger = await open({ ...spec, budget: { tokens: 250 } });
    const outcomes = await askAll(larger, prompts(10));
    expect(outcomes.map((one) => one.ok && one.from)).toEqual([
      ...Array<string>(3).fill('store'),
      ...Array<string>(7).fill('server'),
    ]);
    expect(server.received).toHaveLength(10);
  });

  it('is one for all that ask the model in a run, and counts what they share once', async () => {
    await using server = await startOpenaiServer();
    const spec = { endpoint: server.url, budget: { tokens: 110 } };
    const limits = new SharedLimits();
    {
      await using first = await open(spec, { limits });
      await askAll(first, prompts(2));
    }
    await using second = await open(spec, { limits });
    expect(await askUntilSpent(second, prompts(10))).toBe(3);
    expect(server.received).toHaveLength(3);
  });

  it.each([
    ['reasoning', { input: 0, output: 1000, reasoning: 7000 }],
    ['cached input', { input: 100, output: 0, cached_input: 7000 }],
  ])('is not passed where %s is the dearer kind', async (_, price) => {
    const usage = {
      prompt_tokens: 8,
      completion_tokens: 64,
      prompt_tokens_details: { cached_tokens: 8 },
      completion_tokens_details: { reasoning_tokens: 64 },
    };
    await using server = await startOpenaiServer(() => ({ kind: 'answer', content: 'a', usage }));
    await using model = await open({ endpoint: server.url, price, budget: { usd: 1 } });
    const { cost_usd = 0 } = await model.estimate(prompts(10).map((prompt) => question(prompt)));
    await askUntilSpent(model, prompts(40));
    const { spent } = model;
    expect(spent.requests).toBeGreaterThan(0);
    expect(spent.cost_usd).toBeLessThanOrEqual(1);
    expect(cost_usd / 10).toBeGreaterThan(price.output === 0 ? 0.007 : 0.44);
  });

  it('has nobody wait for what an answer cost that cannot be read', async () => {
    await using server = await startOpenaiServer();
    const spec = { endpoint: server.url, budget: { tokens: 110 } };
    const limits = new SharedLimits();
    {
      await using first = await open(spec, { limits });
      await askAll(first, ['q']);
    }
    await using unlucky = await open(spec, { limits });
    const [folder] = await modelFolders(stateDir);
    const spoil = (prompt: string) => {
      for (const name of readdirSync(folder?.path ?? '').filter((file) => file.endsWith('.gz'))) {
        const file = join(folder?.path ?? '', name);
        rmSync(file);
        mkdirSync(file);
      }
      return question(prompt);
    };
    await expect(askAll(unlucky, ['q'], { request: spoil })).rejects.toMatchObject({ code: 'EISDIR' });
    await using other = await open(spec, { limits, stateDir: join(stateDir, 'another') });
    expect(await askAll(other, ['another'])).toMatchObject([{ ok: true, from: 'server' }]);
  });
});

describe('the end', () => {
  it('keeps the answers that were under way, whatever ended the asking', async () => {
    await using server = await startOpenaiServer(async ({ prompt }) => {
      if (prompt === 'q0') return { kind: 'status', status: 402 };
      await sleep(100);
      return answered('late');
    });
    {
      await using model = await open({ endpoint: server.url, concurrency: { start: 4, max: 4 } });
      await expect(askAll(model, prompts(50))).rejects.toMatchObject({ code: 'models/no-credit' });
    }
    await using again = await open({});
    const outcomes = await askAll(again, prompts(50));
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(server.received.length - 1);
    expect(server.received.length).toBeLessThan(8);
  });

  it('is told of failures in one line per kind and minute', async () => {
    await using server = await startOpenaiServer((_chat, call) =>
      call % 4 === 0 ? { kind: 'status', status: 500 } : answered('fine'),
    );
    const logs: ModelLog[] = [];
    {
      const clock = { ...fastClock, now: () => performance.now() };
      await using model = await open({ endpoint: server.url }, { onLog: (log) => logs.push(log), clock });
      await askAll(model, prompts(60));
    }
    const failed = logs.filter(({ message }) => message.includes('an attempt failed'));
    // Fifteen failed at least.
    expect(failed.length).toBeLessThan(8);
    expect(failed.at(-1)?.message).toMatch(/and \d+ more of the kind/);
  });
});

describe('an answer that stops half way', () => {
  it.each([64, 4096])('holds its place for seconds, not for minutes (max_tokens %i)', async (max_tokens) => {
    const stalled = new Set<string>();
    await using server = await startOpenaiServer(({ prompt }) => {
      if (prompt !== 'q3' || stalled.has(prompt)) return answered('fine');
      stalled.add(prompt);
      return { kind: 'stall' };
    });
    await using model = await open({ endpoint: server.url, idle_timeout_seconds: 2 }, { clock: systemClock });
    const outcomes = await askAll(model, prompts(30), { request: (prompt) => question(prompt, { max_tokens }) });
    expect(outcomes.every(({ ok }) => ok)).toBe(true);
    expect(stalled.size).toBe(1);
  });
});

describe('replicas', () => {
  it('share the questions, and one that is not there costs no answer', async () => {
    await using one = await startOpenaiServer();
    await using two = await startOpenaiServer();
    const gone = await startOpenaiServer();
    await gone[Symbol.asyncDispose]();
    await using model = await open({ endpoint: gone.url, replicas: [one.url, two.url] });
    const outcomes = await askAll(model, prompts(100));
    expect(outcomes.every(({ ok }) => ok)).toBe(true);
    expect(one.received.length + two.received.length).toBe(100);
    expect(Math.min(one.received.length, two.received.length)).toBeGreaterThan(20);
  });
});

describe('what stops everything', () => {
  it.each([
    [401, 'models/unauthorised'],
    [403, 'models/forbidden'],
    [404, 'models/no-such-model'],
    [402, 'models/no-credit'],
  ])('is status %i', async (status, code) => {
    await using server = await startOpenaiServer(() => ({ kind: 'status', status }));
    await using model = await open({ endpoint: server.url });
    await expect(askAll(model, prompts(50))).rejects.toMatchObject({
      code,
      message: expect.stringContaining('"teacher"'),
    });
    expect(server.received.length).toBeLessThanOrEqual(16);
  });

  it('is a server that refuses whatever it is asked', async () => {
    await using server = await startOpenaiServer(() => ({ kind: 'status', status: 400 }));
    await using model = await open({ endpoint: server.url });
    await expect(askAll(model, prompts(50))).rejects.toMatchObject({ code: 'models/refused' });
  });

  it('is a server that is not there', async () => {
    const gone = await startOpenaiServer();
    await gone[Symbol.asyncDispose]();
    await using model = await open({ endpoint: gone.url, retries: 1 });
    await expect(askAll(model, ['q'])).rejects.toMatchObject({
      code: 'models/unreachable',
      message: expect.stringMatching(/http:\/\/127.0.0.1:\d+\/v1 .*ECONNREFUSED/),
    });
  });

  it.each([64, 5000])('is a server of another kind, like one that is not there (max_tokens %i)', async (max_tokens) => {
    await using server = await startOpenaiServer(() => ({
      kind: 'status',
      status: 200,
      headers: { 'content-type': 'text/html' },
      body: '<html>It works!</html>',
    }));
    await using model = await open({ endpoint: server.url });
    const asked = askAll(model, prompts(200), { request: (prompt) => question(prompt, { max_tokens }) });
    await expect(asked).rejects.toMatchObject({
      code: 'models/unreachable',
      message: expect.stringMatching(/http:\/\/127.0.0.1:\d+\/v1 .*not a chat completion: <html>It works!/),
      hint: expect.stringContaining('/v1'),
    });
  });

  it('is a server that stays overloaded, and what was bought before is kept', async () => {
    await using server = await startOpenaiServer(({ prompt }) =>
      Number(prompt.slice(1)) < 5 ? answered('fine') : { kind: 'status', status: 429 },
    );
    const spec = { endpoint: server.url, saturation_seconds: 60, retries: 1 };
    {
      await using model = await open(spec);
      await expect(askAll(model, prompts(60))).rejects.toMatchObject({ code: 'models/saturated' });
    }
    await using again = await open({});
    const outcomes = await askAll(again, prompts(5));
    expect(outcomes.every((outcome) => outcome.ok)).toBe(true);
  });

  it('is a key that is not set, and no key is ever shown', async () => {
    await using server = await startOpenaiServer(({ headers }) => ({
      kind: 'status',
      status: 400,
      body: JSON.stringify({ error: { message: `bad header ${headers.authorization}` } }),
    }));
    const spec = { endpoint: server.url, api_key_env: 'MY_ACCESS' };
    await using without = await open(spec);
    await expect(askAll(without, ['q'])).rejects.toMatchObject({ code: 'models/no-key', exitCode: 2 });
    await using model = await open(spec, { env: (name) => (name === 'MY_ACCESS' ? 'swordfish' : undefined) });
    const [outcome] = await askAll(model, ['q']);
    expect(server.received[0]?.headers.authorization).toBe('Bearer swordfish');
    expect(outcome).toMatchObject({ ok: false, reason: 'refused' });
    expect(JSON.stringify(outcome)).not.toContain('swordfish');
  });

  it('is an abort: the reason is thrown, and answers that came are kept', async () => {
    const controller = new AbortController();
    const reason = new Error('interrupted');
    await using server = await startOpenaiServer(({ prompt }) => {
      if (Number(prompt.slice(1)) < 6) return answered('fine');
      controller.abort(reason);
      return { kind: 'hang' };
    });
    {
      await using model = await open({ endpoint: server.url, concurrency: { start: 1, max: 1 } });
      await expect(askAll(model, prompts(20), { signal: controller.signal })).rejects.toBe(reason);
      await expect(askAll(model, prompts(2), { signal: controller.signal })).rejects.toBe(reason);
    }
    await using again = await open({});
    const outcomes = await askAll(again, prompts(7));
    expect(outcomes.map((outcome) => outcome.ok)).toEqual([true, true, true, true, true, true, false]);
  });
});

describe('a server of our own', () => {
  it('starts with the first answer that must be bought, serves every call, and ends with the model', async () => {
    await using fake = await startOpenaiServer();
    const log: string[] = [];
    const address = { endpoint: fake.url, socketPath: undefined, apiKey: 'a-random-key' };
    const held: ModelServer = {
      async connect() {
        if (log.at(-1) !== 'started') log.push('started');
        return address;
      },
      death: async () => undefined,
      [Symbol.asyncDispose]: async () => void log.push('stopped'),
    };
    const server = { held, model: 'served-name' };
    {
      await using model = await open({}, { identity: 'digest', server });
      expect(model.identity).toBe('digest');
      await askAll(model, ['a']);
      await askAll(model, ['b']);
      expect(log).toEqual(['started']);
      expect(fake.received.map(({ body }) => body.model)).toEqual(['served-name', 'served-name']);
      expect(fake.received[0]?.headers.authorization).toBe('Bearer a-random-key');
    }
    expect(log).toEqual(['started', 'stopped']);
    await using again = await open({}, { identity: 'digest', server });
    expect((await askAll(again, ['a', 'b'])).every((outcome) => outcome.ok)).toBe(true);
    expect(log).toHaveLength(2);
  });
});
