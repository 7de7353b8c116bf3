/**
 * A model server of little cost, in a process of its own: it takes 50 ms for an answer, misbehaves as `faults.ts` says, and knows what it
 * has really handed out. `lost` and `twice` are counted by what it says, not by what contenders say of themselves.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delayOf, type Fate, fateOf, WINDOWS } from './faults.js';
import { digestOf } from './questions.js';

export interface ServerOptions {
  readonly tasks: number;
  readonly latencyMs: number;
  readonly faults: boolean;
}

/** What a server has seen until now. Times are milliseconds of one clock. */
export interface Served {
  readonly requests: number;
  /** Complete answers, by question. */
  readonly answers: Readonly<Record<string, number>>;
  readonly first: number;
  /** When each complete answer was handed over. */
  readonly times: readonly number[];
  readonly outage: { readonly from: number; readonly to: number } | undefined;
}

export interface RunningServer extends AsyncDisposable {
  readonly endpoint: string;
  served(): Promise<Served>;
}

export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const child = fork(import.meta.filename, [JSON.stringify(options)], { execArgv: process.execArgv });
  const [port] = (await once(child, 'message')) as [number];
  return {
    endpoint: `http://127.0.0.1:${port}/v1`,
    async served() {
      child.send('served');
      const [served] = (await once(child, 'message')) as [Served];
      return served;
    },
    [Symbol.asyncDispose]: () => ended(child),
  };
}

async function ended(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

function serve({ tasks, latencyMs, faults }: ServerOptions): void {
  let requests = 0;
  let first = 0;
  let outage: Served['outage'];
  let refusing: { readonly kind: 'burst' | 'outage'; readonly until: number } | undefined;
  let nextWindow = 0;
  const attempts = new Map<string, number>();
  const answers = new Map<string, number>();
  const times: number[] = [];

  const handedOver = (digest: string): void => {
    const now = performance.now();
    times.push(now);
    answers.set(digest, (answers.get(digest) ?? 0) + 1);
    const window = faults ? WINDOWS[nextWindow] : undefined;
    if (window === undefined || answers.size < window.at * tasks) return;
    nextWindow += 1;
    refusing = { kind: window.kind, until: now + window.ms };
    if (window.kind === 'outage') outage = { from: now, to: refusing.until };
  };

  const perform = (fate: Fate, digest: string, response: ServerResponse): void => {
    const body = fate === 'refused' ? '{"error":{"message":"too many requests"}}' : answerTo(digest);
    if (fate === 'reset') response.socket?.resetAndDestroy();
    else if (fate === 'truncated' || fate === 'stalled') {
      response.writeHead(200, { ...JSON_TYPE, 'content-length': Buffer.byteLength(body) });
      response.write(body.slice(0, body.length / 2), () => {
        if (fate === 'truncated') response.socket?.destroy();
      });
    } else {
      if (fate !== 'refused') response.once('finish', () => handedOver(digest));
      response.writeHead(fate === 'refused' ? 429 : 200, JSON_TYPE).end(body);
    }
  };

  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const now = performance.now();
      const { messages = [] } = JSON.parse(Buffer.concat(parts).toString()) as {
        messages?: Parameters<typeof digestOf>[0];
      };
      if (messages.length === 0) {
        // bespokelabs-curator looks for limits in the headers of the answer to nothing.
        response.writeHead(400, JSON_TYPE).end('{"error":{"message":"no messages"}}');
        return;
      }
      requests += 1;
      first ||= now;
      if (refusing !== undefined && now < refusing.until) {
        refuse(refusing.kind, response);
        return;
      }
      const digest = digestOf(messages);
      const attempt = attempts.get(digest) ?? 0;
      attempts.set(digest, attempt + 1);
      const fate = faults ? fateOf(digest, attempt) : 'answered';
      const delay = delayOf(fate, latencyMs);
      if (delay === 0) perform(fate, digest, response);
      else setTimeout(perform, delay, fate, digest, response);
    });
  });
  // Else a connection that rests for five seconds is closed just when somebody takes it up again.
  server.keepAliveTimeout = 0;
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, () =>
    process.send?.((server.address() as AddressInfo).port),
  );
  process.on('message', () => {
    process.send?.({ requests, answers: Object.fromEntries(answers), first, times, outage } satisfies Served);
  });
  process.once('disconnect', () => process.exit(0));
}

const JSON_TYPE = { 'content-type': 'application/json' } as const;

function refuse(kind: 'burst' | 'outage', response: ServerResponse): void {
  const [status, headers] = kind === 'burst' ? [429, { 'retry-after': '1' }] : [503, {}];
  response.writeHead(status, { ...JSON_TYPE, ...headers }).end(`{"error":{"message":"${kind}"}}`);
}

/** As a classifier answers, and so that everybody can see which question it is an answer to. */
function answerTo(digest: string): string {
  const verdict = { relevant: true, cwes: ['CWE-798'], confidence: 0.9, reason: `answer to ${digest}` };
  return JSON.stringify({
    id: digest,
    object: 'chat.completion',
    created: 1,
    model: 'bench/model',
    choices: [{ index: 0, message: { role: 'assistant', content: JSON.stringify(verdict) }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 900, completion_tokens: 40, total_tokens: 940 },
  });
}

if (process.argv[1] === import.meta.filename) serve(JSON.parse(process.argv[2] ?? '{}') as ServerOptions);
