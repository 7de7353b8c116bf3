/**
 * What a request to a model costs on one core, without what the server does: secpi's `ask` with its store and a parser, beside a bare loop
 * over the `openai` package and one over undici's `request`, in turns. `npx tsx bench/wire.ts [REQUESTS]`.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import OpenAI, { type ClientOptions } from 'openai';
import { Agent, request, fetch as undiciFetch } from 'undici';
import { median } from '../src/base/median.js';
import { modelSpecSchema } from '../src/models/model-spec.js';
import { openModel } from '../src/models/open-model.js';
import { jsonObjectsIn } from '../src/security/prompts/json-objects.js';
import { line, rounded } from './measure.js';

const AT_ONCE = 64;
const ROUNDS = 5;
const LATENCY_MS = 20;
/** As long as the classifier's prompt, and as an answer that is streamed. */
const SYSTEM = 'One line of a catalogue of weaknesses, as the classifier sees it. '.repeat(120);
const PIECES = 1000;

const VERDICT = {
  relevant: true,
  cwes: ['CWE-89'],
  confidence: 0.9,
  reason: 'It builds a query from what a user typed.',
};
const usage = { prompt_tokens: 2000, completion_tokens: 50 };

/** The server, in a process of its own: it looks at nothing but whether a stream is wanted. */
async function serve(): Promise<void> {
  const message = { role: 'assistant', content: JSON.stringify(VERDICT) };
  const whole = JSON.stringify({
    id: 'x',
    object: 'chat.completion',
    choices: [{ index: 0, message, finish_reason: 'stop' }],
    usage,
  });
  const chunk = (delta: object, finish_reason: string | null = null) =>
    `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta, logprobs: null, finish_reason }] })}\n\n`;
  const piece = chunk({ content: ' word' });
  const end = `${chunk({}, 'stop')}data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`;
  const server = createServer((incoming, response) => {
    let streamed = false;
    incoming.on('data', (bytes: Buffer) => {
      streamed ||= bytes.includes('"stream":true');
    });
    incoming.on('end', () => {
      setTimeout(() => {
        response.writeHead(200, { 'content-type': streamed ? 'text/event-stream' : 'application/json' });
        if (!streamed) {
          response.end(whole);
          return;
        }
        // As a model server does: a few pieces to a packet.
        let left = PIECES;
        const more = (): void => {
          const count = Math.min(4, left);
          left -= count;
          response.write(piece.repeat(count));
          if (left > 0) setImmediate(more);
          else response.end(end);
        };
        more();
      }, LATENCY_MS);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.send?.((server.address() as AddressInfo).port);
  process.once('disconnect', () => process.exit(0));
}

interface Trial {
  readonly endpoint: string;
  readonly requests: number;
  /** More than 1,024 has the answer streamed. */
  readonly maxTokens: number;
}

const questionOf = (index: number) =>
  `Write function number ${index} of a web service that looks up a user. `.repeat(6);

const bodyOf = (index: number, maxTokens: number) => ({
  model: 'm',
  messages: [
    { role: 'system' as const, content: SYSTEM },
    { role: 'user' as const, content: questionOf(index) },
  ],
  max_tokens: maxTokens,
  temperature: 0,
});

/** Calls `ask` for every number, so many at once. */
async function loop(requests: number, ask: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < requests) {
      next += 1;
      await ask(next);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

async function bareUndici({ endpoint, requests, maxTokens }: Trial): Promise<void> {
  const agent = new Agent({ connections: AT_ONCE });
  const stream = maxTokens > 1024;
  await loop(requests, async (index) => {
    const { body } = await request(`${endpoint}/chat/completions`, {
      dispatcher: agent,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...bodyOf(index, maxTokens), stream }),
    });
    const text = await body.text();
    if (!stream) JSON.parse(text);
  });
  await agent.close();
}

async function bareOpenai({ endpoint, requests, maxTokens }: Trial): Promise<void> {
  const agent = new Agent({ connections: AT_ONCE });
  const client = new OpenAI({
    baseURL: endpoint,
    apiKey: 'none',
    maxRetries: 0,
    fetch: undiciFetch as unknown as NonNullable<ClientOptions['fetch']>,
    fetchOptions: { dispatcher: agent } as NonNullable<ClientOptions['fetchOptions']>,
  });
  await loop(requests, async (index) => {
    const body = bodyOf(index, maxTokens);
    if (maxTokens <= 1024) return client.chat.completions.create(body);
    let text = '';
    for await (const chunk of await client.chat.completions.create({ ...body, stream: true })) {
      text += chunk.choices[0]?.delta.content ?? '';
    }
    return text;
  });
  await agent.close();
}

async function secpi({ endpoint, requests, maxTokens }: Trial): Promise<void> {
  const stateDir = await mkdtemp(join(resolve('.'), '.bench-wire-'));
  try {
    await using model = await openModel({
      name: 'm',
      spec: modelSpecSchema.parse({ model: 'm', endpoint, concurrency: { start: AT_ONCE, max: AT_ONCE } }),
      stateDir,
      env: () => undefined,
      redact: (text) => text,
    });
    const outcomes = model.ask({
      rows: () => Array.from({ length: requests }, (_, index) => index),
      request: (index) => ({
        messages: bodyOf(index, maxTokens).messages,
        sampling: { temperature: 0, top_p: 1, max_tokens: maxTokens },
        format: 'text',
        sample: 0,
      }),
      parse: (answer) => ({ ok: true, value: jsonObjectsIn(answer.content) }),
      signal: new AbortController().signal,
    });
    for await (const { outcome } of outcomes) if (!outcome.ok) throw new Error(outcome.message);
  } finally {
    await rm(stateDir, { recursive: true, force: true });
  }
}

const contenders = [
  { name: 'undici, a bare loop', run: bareUndici },
  { name: 'the openai package, a bare loop', run: bareOpenai },
  { name: 'secpi, with its store and a parser', run: secpi },
];

/** Milliseconds of processor time that each contender takes for a request. */
async function compare(title: string, trial: Trial): Promise<void> {
  const costs = new Map<string, number[]>();
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const { name, run } of contenders) {
      const before = process.cpuUsage();
      await run(trial);
      const { user, system } = process.cpuUsage(before);
      // The first round is for the compiler.
      if (round > 0) costs.set(name, [...(costs.get(name) ?? []), (user + system) / 1000 / trial.requests]);
    }
  }
  const medians = contenders.map(({ name }) => median(costs.get(name) ?? []) ?? 0);
  process.stdout.write(`${title}: ${trial.requests} requests, ${AT_ONCE} at once\n`);
  for (const [index, { name }] of contenders.entries()) {
    const cost = medians[index] ?? 0;
    const ratios = `${rounded(cost / (medians[0] ?? 1))} × undici, ${rounded(cost / (medians[1] ?? 1))} × openai`;
    line(name, `${rounded(cost)} ms CPU`, ratios);
  }
}

if (process.argv[2] === 'serve') await serve();
else {
  const requests = Number(process.argv[2] ?? 3000);
  const server = fork(new URL(import.meta.url), ['serve']);
  try {
    const [port] = (await once(server, 'message')) as [number];
    const endpoint = `http://127.0.0.1:${port}/v1`;
    await compare('Short answers', { endpoint, requests, maxTokens: 512 });
    await compare(`Streams of ${PIECES} pieces`, { endpoint, requests: Math.ceil(requests / 30), maxTokens: 4096 });
  } finally {
    server.kill();
  }
}
