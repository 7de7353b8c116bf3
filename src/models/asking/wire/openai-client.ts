import { text } from 'node:stream/consumers';
import OpenAI from 'openai';
import { Agent } from 'undici';
import type { Redactor } from '../../../base/redact.js';
import { wellFormed } from '../../answers/request-hash.js';
import type { ChatRequest } from '../../chat.js';
import { type FurtherFields, sentFields } from '../../further-fields.js';
import { AttemptTimer } from '../pace/attempt-timer.js';
import { Patience } from '../pace/patience.js';
import { type AttemptFailure, bodyFailure, failureOf, shorten } from './attempt-failure.js';
import { chunkSchema, completionSchema, type Reply, toReply } from './chat-response.js';
import { serverEvents } from './server-events.js';
import { type PlainResponse, plainFetch } from './transport.js';

interface AttemptOptions {
  readonly signal: AbortSignal;
  /** The seed that is sent, which differs from the request's for further samples. */
  readonly seed: number | undefined;
}

/** A server that is asked once per call. Retries, pace and money are the caller's. */
export interface ChatClient {
  /** Never throws for what a server may do; throws `signal.reason` when aborted. */
  attempt(
    request: ChatRequest,
    options: AttemptOptions,
  ): Promise<{ readonly ok: true; readonly reply: Reply } | AttemptFailure>;
  close(): Promise<void>;
}

export interface OpenaiClientOptions {
  /** Base address including `/v1`. */
  readonly endpoint: string;
  /** A Unix socket to be connected to instead of the endpoint's host and port. */
  readonly socketPath?: string | undefined;
  /** What the server calls the model. */
  readonly model: string;
  readonly apiKey: string | undefined;
  /** Sent with every request. */
  readonly furtherFields?: FurtherFields | undefined;
  /** Sockets; as many as there may be requests in flight. */
  readonly connections: number;
  readonly timeoutSeconds: number;
  readonly idleTimeoutSeconds: number;
  readonly redact: Redactor;
}

/** Longer answers are streamed, so that a stall is noticed and no proxy gives up on a silent connection. */
const STREAM_ABOVE_TOKENS = 1024;
/** A server that sends more than this is broken or hostile. */
const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;

/**
 * One attempt at a time through the `openai` package, with its own retries off. It makes the request and reads refusals; bytes go through
 * a transport of ours, and answers are read here. Its traps, all measured with 6.49: undici ends a silent response after 300 s
 * unless told otherwise; `timeout` stops at the headers; the `.stream()` helper loses reasoning; a stream that ends early is
 * no error; `200 {"error": …}` is a success.
 */
export function createOpenaiClient(options: OpenaiClientOptions): ChatClient {
  const { redact, furtherFields } = options;
  const agent = new Agent({
    headersTimeout: 0,
    bodyTimeout: 0,
    connections: options.connections,
    maxResponseSize: MAX_RESPONSE_BYTES,
    ...(options.socketPath === undefined ? {} : { connect: { socketPath: options.socketPath } }),
  });
  const client = openaiOver(agent, options);

  const { timeoutSeconds, idleTimeoutSeconds } = options;
  // An answer that comes whole is worked on before its headers, and a stream in all of its gaps.
  const patience = {
    whole: new Patience({ before: timeoutSeconds, within: idleTimeoutSeconds }, { before: 30, within: 5 }),
    streamed: new Patience({ before: idleTimeoutSeconds, within: idleTimeoutSeconds }, { before: 60, within: 30 }),
  };

  return {
    async attempt(request, { signal, seed }) {
      signal.throwIfAborted();
      const promptCharacters = request.messages.reduce((sum, message) => sum + message.content.length, 0);
      const streamed = request.sampling.max_tokens > STREAM_ABOVE_TOKENS;
      const timer = new AttemptTimer(timeoutSeconds, streamed ? patience.streamed : patience.whole, signal);
      try {
        const body = { ...bodyOf(options.model, request, furtherFields, seed), ...(streamed ? STREAMED : WHOLE) };
        const sent = client.post('/chat/completions', { body, signal: timer.signal });
        const response = (await sent.asResponse()) as unknown as PlainResponse;
        const type = response.headers.get('content-type') ?? '';
        const isStream = type.includes('event-stream') || (streamed && !/json|html/.test(type));
        // An answer that comes whole is there when its beginning is; a stream may only have been opened.
        const what = isStream ? 'sign' : 'answer';
        timer.heard(what);
        const bytes = heardBy(timer, what, response.body);
        const asked = await (isStream ? readStream : readWhole)({ bytes, timer, promptCharacters, redact });
        if (asked.ok) timer.answered();
        return asked;
      } catch (error) {
        signal.throwIfAborted();
        const failure = timer.expired === undefined ? failureOf(error, redact) : stalled(timer.expired);
        return timer.hasHeard ? { ...failure, reached: true } : failure;
      } finally {
        timer.clear();
      }
    },
    async close() {
      await agent.destroy();
    },
  };
}

/** The package, as it is used here: over our transport, and on its own only for what it is asked. */
export function openaiOver(
  agent: Agent,
  { endpoint, apiKey, timeoutSeconds }: Pick<OpenaiClientOptions, 'endpoint' | 'apiKey' | 'timeoutSeconds'>,
): OpenAI {
  // Everything that the package would else take from the environment is set here: no key may go to a foreign server.
  return new OpenAI({
    baseURL: endpoint,
    apiKey: apiKey ?? 'none',
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    maxRetries: 0,
    timeout: timeoutSeconds * 1000,
    logLevel: 'off',
    ...(apiKey === undefined ? { defaultHeaders: { Authorization: null } } : {}),
    fetch: plainFetch(agent),
  });
}

const WHOLE = { stream: false } as const;
const STREAMED = { stream: true, stream_options: { include_usage: true } } as const;

/** What is sent for a question, however it is sent. */
export function bodyOf(
  model: string,
  { messages, sampling, format }: ChatRequest,
  furtherFields: FurtherFields | undefined,
  seed: number | undefined,
) {
  return {
    model,
    messages: messages.map(wellFormed),
    temperature: sampling.temperature,
    top_p: sampling.top_p,
    ...sentFields(furtherFields, sampling.max_tokens),
    ...(seed === undefined ? {} : { seed }),
    ...(format === 'json' ? { response_format: { type: 'json_object' as const } } : {}),
  };
}

interface Reading {
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly timer: AttemptTimer;
  readonly promptCharacters: number;
  readonly redact: Redactor;
}

export type Asked = { readonly ok: true; readonly reply: Reply } | AttemptFailure;

/** Each piece is a sign of life, whatever it holds: while a question waits for its turn, some servers send comments or blank lines. */
async function* heardBy(
  timer: AttemptTimer,
  what: 'answer' | 'sign',
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for await (const piece of bytes) {
    timer.heard(what);
    yield piece;
  }
}

async function readWhole({ bytes, promptCharacters, redact }: Omit<Reading, 'timer'>): Promise<Asked> {
  const body = await text(bytes);
  if (!/^\s*(?:[[{"]|null)/.test(body)) return foreign(body, redact);
  return replyOf(JSON.parse(body), promptCharacters, redact);
}

/** What a server has said that answers with one value. */
export function replyOf(value: unknown, promptCharacters: number, redact: Redactor): Asked {
  const error = errorIn(value);
  if (error !== undefined) return bodyFailure(error, 'an error without a message', redact);
  const parsed = completionSchema.safeParse(value);
  const choice = parsed.data?.choices[0];
  if (choice === undefined) return malformed(parsed.error?.issues[0], redact);
  const { content, reasoning_content, reasoning } = choice.message;
  return {
    ok: true,
    reply: toReply({
      content: content ?? '',
      reasoning: reasoning_content || reasoning || '',
      finish: choice.finish_reason,
      usage: parsed.data?.usage,
      promptCharacters,
    }),
  };
}

async function readStream({ bytes, timer, promptCharacters, redact }: Reading): Promise<Asked> {
  const content: string[] = [];
  const reasoned: string[] = [];
  let finish: string | undefined;
  let usage: Parameters<typeof toReply>[0]['usage'];
  for await (const { kind, data } of serverEvents(bytes)) {
    timer.heard('answer');
    // Read on to the end: a connection whose last bytes nobody wants cannot be used again.
    if (data.startsWith('[DONE]')) continue;
    const chunk: unknown = JSON.parse(data);
    const error = errorIn(chunk) ?? (kind === 'error' ? chunk : undefined);
    if (error !== undefined) return bodyFailure(error, 'an error without a message', redact);
    const parsed = chunkSchema.safeParse(chunk);
    if (!parsed.success) return malformed(parsed.error.issues[0], redact);
    usage = parsed.data.usage ?? usage;
    const choice = parsed.data.choices?.[0];
    if (choice === undefined) continue;
    if (choice.delta?.content) content.push(choice.delta.content);
    const thought = choice.delta?.reasoning_content || choice.delta?.reasoning;
    if (thought) reasoned.push(thought);
    finish = choice.finish_reason ?? finish;
  }
  if (finish === undefined) {
    timer.signal.throwIfAborted();
    const message = 'the stream ended without a finish_reason';
    return { ok: false, reason: 'transport', retryable: true, reached: true, message };
  }
  return {
    ok: true,
    reply: toReply({ content: content.join(''), reasoning: reasoned.join(''), finish, usage, promptCharacters }),
  };
}

function stalled(message: string): AttemptFailure {
  return { ok: false, reason: 'transport', retryable: true, message };
}

function errorIn(response: unknown): unknown {
  if (typeof response !== 'object' || response === null || !('error' in response)) return undefined;
  return response.error ?? undefined;
}

function malformed(issue: { path: PropertyKey[]; message: string } | undefined, redact: Redactor): AttemptFailure {
  const where = issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.join('.')}`;
  return foreign(`${issue?.message ?? 'invalid'}${where}`, redact);
}

function foreign(what: string, redact: Redactor): AttemptFailure {
  const message = shorten(`the response is not a chat completion: ${what}`, redact);
  return { ok: false, reason: 'server', retryable: true, foreign: true, message };
}
