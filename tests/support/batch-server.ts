/**
 * A real HTTP server with OpenAI's Batch API and its chat completions, both answered by one script. It counts what it was ordered to answer,
 * since that is what it would be paid for, and fails where it is told to.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { serveLocally } from './local-server.js';
import { completionOf, type ReceivedChat, type ServerScript } from './openai-server.js';

/** `create` is before a batch is made, `created` after that and before it is told; `half` when half of a file was given out. */
export type BatchStep = 'upload' | 'uploaded' | 'create' | 'created' | 'list' | 'poll' | 'download' | 'half';
/** Instead of what is right: a refusal, or an end of the connection. */
type Fault = { readonly status: number; readonly error?: object; readonly retryAfter?: number } | 'drop' | undefined;

/** How a batch ends; of its questions only the first `answered` are. */
export interface BatchEnding {
  readonly status: 'completed' | 'failed' | 'expired' | 'cancelled';
  readonly answered?: number;
  /** The others are in no file at all. */
  readonly silent?: boolean;
  readonly errors?: readonly { readonly code: string; readonly message: string; readonly line?: number }[];
}

export interface BatchServerOptions {
  readonly script?: ServerScript;
  /** `count` counts from 0 for each step. */
  readonly onStep?: (step: BatchStep, count: number) => Fault | Promise<Fault>;
  readonly endOf?: (batch: number, questions: number) => BatchEnding;
  /** Further lines at the beginning of each file of answers. */
  readonly strangeLines?: (answers: readonly string[]) => readonly string[];
  /** Metadata of batches is forgotten. */
  readonly forgetful?: boolean;
}

interface Line {
  readonly custom_id: string;
  readonly method: string;
  readonly url: string;
  readonly body: ReceivedChat['body'];
}

interface MadeBatch {
  readonly id: string;
  readonly input_file_id: string;
  readonly created_at: number;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly ending: BatchEnding;
  readonly total: number;
  polls: number;
  readonly output_file_id: string | undefined;
  readonly error_file_id: string | undefined;
}

/** What a batch says of itself from look to look, before it is over. */
const BEFORE_THE_END = ['validating', 'in_progress', 'finalizing'];

export async function startBatchServer(options: BatchServerOptions = {}) {
  const { script = ({ prompt }) => ({ kind: 'answer', content: `echo: ${prompt}` }) } = options;
  const files = new Map<string, string>();
  const batches: MadeBatch[] = [];
  /** How often each question was answered, by its body. */
  const bought = new Map<string, number>();
  const keys = new Set<string | undefined>();
  const steps = new Map<BatchStep, number>();
  let answersGiven = 0;
  let online = 0;

  const faultAt = async (step: BatchStep): Promise<Fault> => {
    const count = steps.get(step) ?? 0;
    steps.set(step, count + 1);
    return options.onStep?.(step, count);
  };
  const keep = (text: string): string => {
    const id = `file-${files.size}`;
    files.set(id, text);
    return id;
  };
  const answerTo = async (body: ReceivedChat['body']) => {
    const prompt = body.messages.find(({ role }) => role === 'user')?.content ?? '';
    const action = await script({ headers: {}, body, prompt }, answersGiven);
    if (action.kind === 'status') return { status: action.status, body: JSON.parse(action.body ?? '{"error":{}}') };
    if (action.kind !== 'answer') throw new Error(`a batch cannot do this: ${action.kind}`);
    const text = JSON.stringify({ ...body, stream: undefined, stream_options: undefined });
    bought.set(text, (bought.get(text) ?? 0) + 1);
    answersGiven += 1;
    return { status: 200, body: completionOf(action) };
  };

  const refused = (message: string): BatchEnding => ({
    status: 'failed',
    errors: [{ code: 'invalid_json_line', message, line: 1 }],
  });
  async function make(input: string, endpoint: string, metadata: MadeBatch['metadata']): Promise<MadeBatch> {
    const lines = (files.get(input) ?? '')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    const isRight =
      new Set(lines.map(({ custom_id }) => custom_id)).size === lines.length &&
      lines.every(({ method, url, body }) => method === 'POST' && url === endpoint && body.stream !== true);
    const ending = isRight
      ? (options.endOf?.(batches.length, lines.length) ?? { status: 'completed' })
      : refused('is wrong');
    const outputs: string[] = [];
    const errors: string[] = [];
    const { answered = ending.status === 'failed' ? 0 : lines.length } = ending;
    for (const [number, { custom_id, body }] of lines.entries()) {
      if (ending.status === 'failed') break;
      if (number >= answered && ending.silent === true) continue;
      if (number >= answered) {
        const error = { code: `batch_${ending.status}`, message: 'This request could not be executed before the end.' };
        errors.push(JSON.stringify({ id: `batch_req_${number}`, custom_id, response: null, error }));
        continue;
      }
      const said = await answerTo(body);
      const response = { status_code: said.status, request_id: `req_${number}`, body: said.body };
      (said.status === 200 ? outputs : errors).push(JSON.stringify({ custom_id, response, error: null }));
    }
    const text = (all: readonly string[]) => all.map((line) => `${line}\n`).join('');
    // In an order of its own: nobody promises that of the questions.
    const backwards = [...(options.strangeLines?.(outputs) ?? []), ...outputs.toReversed()];
    const batch = {
      id: `batch_${batches.length}`,
      input_file_id: input,
      created_at: Math.floor(Date.now() / 1000),
      metadata: options.forgetful === true ? null : metadata,
      ending,
      total: lines.length,
      polls: 0,
      output_file_id: outputs.length === 0 ? undefined : keep(text(backwards)),
      error_file_id: errors.length === 0 ? undefined : keep(text(errors)),
    };
    batches.push(batch);
    return batch;
  }
  const told = ({ ending, polls, total, output_file_id, error_file_id, ...batch }: MadeBatch) => {
    const isOver = polls > BEFORE_THE_END.length || (ending.status === 'failed' && polls > 1);
    const status = isOver ? ending.status : (BEFORE_THE_END[Math.max(0, polls - 1)] ?? 'finalizing');
    const counts = { total, completed: isOver ? (ending.answered ?? total) : 0, failed: 0 };
    const ends = isOver ? { output_file_id, error_file_id, errors: { object: 'list', data: ending.errors ?? [] } } : {};
    return { object: 'batch', endpoint: '/v1/chat/completions', ...batch, status, request_counts: counts, ...ends };
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://here');
    const [, , room, id, part] = pathname.split('/');
    const parts: Buffer[] = [];
    for await (const piece of request) parts.push(piece as Buffer);
    const bytes = Buffer.concat(parts);
    keys.add(request.headers.authorization);
    const say = (value: unknown, status = 200): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    };
    const isBroken = async (step: BatchStep): Promise<boolean> => {
      const fault = await faultAt(step);
      if (fault === 'drop') response.socket?.resetAndDestroy();
      else if (fault !== undefined) {
        if (fault.retryAfter !== undefined) response.setHeader('retry-after', fault.retryAfter);
        say({ error: { message: `status ${fault.status}`, ...fault.error } }, fault.status);
      }
      return fault !== undefined;
    };
    switch (`${request.method} ${room}${id === undefined ? '' : '/id'}${part === undefined ? '' : `/${part}`}`) {
      case 'POST chat/id': {
        online += 1;
        const said = await answerTo(JSON.parse(bytes.toString()) as ReceivedChat['body']);
        return say(said.body, said.status);
      }
      case 'POST files': {
        if (await isBroken('upload')) return;
        const type = request.headers['content-type'] ?? '';
        const form = await new Response(bytes, { headers: { 'content-type': type } }).formData();
        const file = form.get('file');
        if (form.get('purpose') !== 'batch' || !(file instanceof Blob))
          return say({ error: { message: 'no file' } }, 400);
        const kept = keep(await file.text());
        if (await isBroken('uploaded')) return;
        return say({ id: kept, object: 'file', purpose: 'batch', bytes: file.size });
      }
      case 'POST batches': {
        if (await isBroken('create')) return;
        const order = JSON.parse(bytes.toString());
        const batch = await make(order.input_file_id, order.endpoint, order.metadata);
        if (await isBroken('created')) return;
        return say(told(batch));
      }
      case 'GET batches': {
        if (await isBroken('list')) return;
        const all = batches.toReversed();
        const from = all.findIndex((batch) => batch.id === searchParams.get('after')) + 1;
        // Pages of two, so that whoever looks at one only is found out.
        return say({ object: 'list', data: all.slice(from, from + 2).map(told), has_more: from + 2 < all.length });
      }
      case 'GET batches/id': {
        if (await isBroken('poll')) return;
        const batch = batches.find((one) => one.id === id);
        if (batch === undefined) return say({ error: { message: `No batch found with id '${id}'.` } }, 404);
        batch.polls += 1;
        return say(told(batch));
      }
      case 'GET files/id/content': {
        if (await isBroken('download')) return;
        const text = files.get(id ?? '');
        if (text === undefined) return say({ error: { message: 'No such file' } }, 404);
        const lines = text.split('\n').map((line) => `${line}\n`);
        const half = lines.slice(0, Math.ceil(lines.length / 2)).join('');
        response.writeHead(200, {
          'content-type': 'application/octet-stream',
          'content-length': Buffer.byteLength(text),
        });
        await new Promise<void>((resolve) => response.write(half, () => resolve()));
        if (await faultAt('half')) response.socket?.resetAndDestroy();
        else response.end(text.slice(half.length));
        return;
      }
      default:
        return say({ error: { message: `no such route: ${request.method} ${pathname}` } }, 404);
    }
  }

  const server = await serveLocally(answer);
  return {
    /** Base address, `/v1` included. */
    url: `${server.origin}/v1`,
    batches: batches as readonly Pick<MadeBatch, 'id' | 'total' | 'input_file_id'>[],
    bought: bought as ReadonlyMap<string, number>,
    /** What was sent as `Authorization`. */
    keys: keys as ReadonlySet<string | undefined>,
    files: files as ReadonlyMap<string, string>,
    count: (step: BatchStep): number => steps.get(step) ?? 0,
    get online() {
      return online;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
