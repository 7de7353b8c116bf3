/**
 * A real HTTP server that speaks the OpenAI chat-completions protocol and misbehaves as told. It counts calls, keeps every
 * request, and knows how many were in flight at once.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { serveLocally } from './local-server.js';

export interface ReceivedChat {
  readonly headers: IncomingMessage['headers'];
  readonly body: {
    readonly model: string;
    readonly messages: readonly { readonly role: string; readonly content: string }[];
    readonly max_tokens: number;
    readonly temperature: number;
    readonly top_p: number;
    readonly seed?: number;
    readonly stream?: boolean;
    readonly response_format?: { readonly type: string };
    /** Whatever else was sent. */
    readonly [field: string]: unknown;
  };
  /** The question, without what was said about an earlier answer to it: what most scripts decide by. */
  readonly prompt: string;
}

/** What the server does with one request. */
export type ServerAction =
  | {
      readonly kind: 'answer';
      readonly content?: string;
      readonly reasoning?: string;
      readonly reasoningField?: 'reasoning_content' | 'reasoning';
      readonly finish?: string;
      /** `null` leaves the usage out. */
      readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number } | null;
      /** Streams end without a `[DONE]` line, as those of `transformers serve` do. */
      readonly withoutDone?: boolean;
    }
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** 200, and then `{"error": …}` as body, or as a chunk of the stream. */
  | { readonly kind: 'error-in-200'; readonly error: unknown }
  /** 200 with this text as body. */
  | { readonly kind: 'raw'; readonly body: string }
  /** The connection breaks before any header. */
  | { readonly kind: 'reset' }
  /** Headers and half of the body, then the connection breaks. */
  | { readonly kind: 'cut' }
  /** Headers and half of the body, then nothing more. */
  | { readonly kind: 'stall' }
  /** Headers, then something that is no part of the answer, so often; then the answer, if there is one. */
  | { readonly kind: 'waits'; readonly signs: number; readonly everyMs: number; readonly answer?: Answer }
  /** Not even headers. */
  | { readonly kind: 'hang' }
  /** Everything but the finish reason. */
  | { readonly kind: 'unfinished'; readonly content: string };

/** `call` counts from 0 over the whole server. */
export type ServerScript = (chat: ReceivedChat, call: number) => ServerAction | Promise<ServerAction>;

export interface OpenaiServer extends AsyncDisposable {
  /** Base address, `/v1` included. */
  readonly url: string;
  readonly received: readonly ReceivedChat[];
  readonly maxConcurrency: number;
}

type Answer = Extract<ServerAction, { kind: 'answer' }>;

const USAGE = { prompt_tokens: 10, completion_tokens: 5 };

/** The default script: answers `echo: <prompt>`. */
const echo: ServerScript = (chat) => ({ kind: 'answer', content: `echo: ${chat.prompt}` });

/** Starts the server on a free port of the loopback interface. */
export async function startOpenaiServer(script: ServerScript = echo): Promise<OpenaiServer> {
  const received: ReceivedChat[] = [];
  let active = 0;
  let maxConcurrency = 0;

  const server = await serveLocally(async (request, response) => {
    if (request.method !== 'POST' || request.url !== '/v1/chat/completions') {
      response.writeHead(404).end('{"error":{"message":"no such route"}}');
      return;
    }
    active += 1;
    maxConcurrency = Math.max(maxConcurrency, active);
    response.once('close', () => {
      active -= 1;
    });
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = JSON.parse(Buffer.concat(parts).toString('utf8')) as ReceivedChat['body'];
    const chat = {
      headers: request.headers,
      body,
      prompt: body.messages.find(({ role }) => role === 'user')?.content ?? '',
    };
    const call = received.push(chat) - 1;
    perform(await script(chat, call), chat, response);
  });
  return {
    url: `${server.origin}/v1`,
    received,
    get maxConcurrency() {
      return maxConcurrency;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function perform(action: ServerAction, chat: ReceivedChat, response: ServerResponse): void {
  const streamed = chat.body.stream === true;
  switch (action.kind) {
    case 'status':
      response.writeHead(action.status, { 'content-type': 'application/json', ...action.headers });
      response.end(action.body ?? JSON.stringify({ error: { message: `status ${action.status}` } }));
      return;
    case 'reset':
      response.socket?.resetAndDestroy();
      return;
    case 'hang':
      return;
    case 'raw':
      response.writeHead(200, { 'content-type': 'application/json' }).end(action.body);
      return;
    case 'error-in-200':
      if (!streamed)
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ error: action.error }));
      else startStream(response).end(event({ error: action.error }));
      return;
    case 'answer':
      if (streamed) startStream(response).end(chunksOf(action, true).join(''));
      else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(completionOf(action)));
      return;
    case 'waits':
      void waitAndAnswer(action, streamed, response);
      return;
    case 'unfinished':
      if (streamed) startStream(response).end(chunksOf({ kind: 'answer', content: action.content }, false).join(''));
      else {
        const { choices } = completionOf({ kind: 'answer', content: action.content });
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ choices: choices.map(({ message }) => ({ message })) }));
      }
      return;
    case 'cut':
    case 'stall': {
      const half = streamed
        ? chunksOf({ kind: 'answer', content: 'half an answer' }, false).join('')
        : JSON.stringify(completionOf({ kind: 'answer', content: 'half an answer' })).slice(0, 60);
      if (streamed) startStream(response);
      else response.writeHead(200, { 'content-type': 'application/json' });
      response.write(half, () => {
        if (action.kind === 'cut') response.socket?.destroy();
      });
      return;
    }
  }
}

async function waitAndAnswer(
  { signs, everyMs, answer }: Extract<ServerAction, { kind: 'waits' }>,
  streamed: boolean,
  response: ServerResponse,
): Promise<void> {
  if (streamed) startStream(response);
  else response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  for (let sign = 0; sign < signs; sign += 1) {
    await sleep(everyMs);
    response.write(streamed ? ': still waiting\n\n' : '\n');
  }
  if (answer === undefined) return;
  response.end(streamed ? chunksOf(answer, true).join('') : JSON.stringify(completionOf(answer)));
}

function startStream(response: ServerResponse): ServerResponse {
  return response.writeHead(200, { 'content-type': 'text/event-stream' });
}

function event(data: unknown): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}

/** An answer as a server says it in one piece. */
export function completionOf({
  content,
  reasoning,
  reasoningField = 'reasoning_content',
  finish = 'stop',
  usage,
}: Answer) {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 0,
    model: 'fake',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: content ?? '',
          ...(reasoning === undefined ? {} : { [reasoningField]: reasoning }),
        },
        finish_reason: finish,
      },
    ],
    ...(usage === null ? {} : { usage: usage ?? USAGE }),
  };
}

/** The answer in pieces of three characters, so that a reader who keeps only the last piece is found out. */
function chunksOf(answer: Answer, finished: boolean): string[] {
  const { reasoning = '', reasoningField = 'reasoning_content', content = '', finish = 'stop', usage } = answer;
  const chunk = (delta: object, reason: string | null = null) =>
    event({ object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: reason }] });
  return [
    ...pieces(reasoning).map((piece) => chunk({ [reasoningField]: piece })),
    ...pieces(content).map((piece) => chunk({ content: piece })),
    ...(finished ? [chunk({}, finish)] : []),
    ...(finished && usage !== null ? [event({ choices: [], usage: usage ?? USAGE })] : []),
    ...(finished && answer.withoutDone !== true ? ['data: [DONE]\n\n'] : []),
  ];
}

function pieces(text: string): string[] {
  return text.match(/[\s\S]{1,3}/gu) ?? [];
}
