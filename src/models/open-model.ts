import { join } from 'node:path';
import { SecpiError } from '../base/errors.js';
import { createRedactor, type Redactor } from '../base/redact.js';
import { AnswerStore } from './answers/answer-store.js';
import { answersFolder, folderName } from './answers/model-folder.js';
import { openRecording } from './answers/recording.js';
import { AnswerSource, type ServerLink } from './asking/answer-source.js';
import { askAll } from './asking/ask.js';
import type { BatchesOptions, openBatches } from './asking/batch/open-batches.js';
import { type Clock, systemClock } from './asking/clock.js';
import { Hopes } from './asking/hopes.js';
import { Ledger } from './asking/ledger.js';
import { Notices } from './asking/notices.js';
import type { ThrottleEvent } from './asking/pace/throttle.js';
import { SharedLimits } from './asking/shared-limits.js';
import { Usefulness } from './asking/usefulness.js';
import { estimateTokens } from './asking/wire/chat-response.js';
import type { ChatClient } from './asking/wire/openai-client.js';
import type { ChatRequest } from './chat.js';
import { withRoom } from './further-fields.js';
import type { Model } from './model.js';
import { identityOf, type ModelSpec } from './model-spec.js';
import type { ModelServer, ServerAddress } from './serving/model-server.js';

/** Something worth a line in the journal; the same shape as a stage's log event. */
export interface ModelLog {
  readonly level: 'debug' | 'info' | 'warn';
  readonly message: string;
}

export interface OpenModelOptions {
  /** Its name in the recipe, for messages. */
  readonly name: string;
  readonly spec: ModelSpec;
  /** What the model is, where that is not its name and revision: a digest of weights. */
  readonly identity?: string;
  /** Where state lives; answers are kept in `answers/` below it. */
  readonly stateDir: string;
  readonly env: (name: string) => string | undefined;
  readonly redact: Redactor;
  readonly onLog?: (log: ModelLog) => void;
  /** A server of ours that answers, and what it calls the model. Started when an answer has to be bought, let go with the model. */
  readonly server?: { readonly held: ModelServer; readonly model: string };
  /** Pace and budget, where others ask beside this one or after it. Default: its own. */
  readonly limits?: SharedLimits;
  readonly clock?: Clock;
}

/** What asking would take, at most. The fields are those of a stage's estimate. */
interface AskEstimate {
  /** Questions whose answer is there already. */
  readonly kept: number;
  /** Questions that would go to the server. */
  readonly requests: number;
  readonly input_tokens: number;
  /** If every answer were as long as it may be. */
  readonly output_tokens: number;
  /** With a price only. */
  readonly cost_usd?: number;
}

export interface OpenModel extends Model, AsyncDisposable {
  /** Asks nothing. Answers that are kept cost nothing; the rest is counted at 4 characters a token and full length. */
  estimate(requests: AsyncIterable<ChatRequest> | Iterable<ChatRequest>): Promise<AskEstimate>;
}

/** OpenAI, and those who do as it does, take half for an answer that may take a day. */
const USUAL_BATCH_SHARE = 0.5;
/** Rows in work per request in flight: enough that one slow answer does not leave the server idle. */
const ROWS_PER_REQUEST = 4;

/**
 * Opens a model for asking. Answers come from the recording (`spec.replay`), else from the answer store, else from the
 * server; without a server a question that is not kept has the outcome `not_recorded`. Nothing is written before the first
 * answer is bought.
 *
 * @throws SecpiError `models/no-recording`, `models/bad-recording`. Later, from `ask`: `models/no-key`, `models/unreachable`,
 * `models/saturated`, `models/budget-spent`, `models/unauthorised`, `models/forbidden`, `models/no-such-model`, `models/no-credit`,
 * `models/refused`, `models/nothing-usable`.
 */
export async function openModel(options: OpenModelOptions): Promise<OpenModel> {
  const { name, spec, server, clock = systemClock, limits = new SharedLimits() } = options;
  const identity = options.identity ?? identityOf(spec);
  const log = (level: ModelLog['level'], message: string): void => options.onLog?.({ level, message });
  const recording = spec.replay === undefined ? undefined : await openRecording(spec.replay);
  const folder = join(answersFolder(options.stateDir), folderName(identity));
  const store = await AnswerStore.open(folder, identity);
  const ledger = new Ledger(spec.price, spec.mode === 'batch' ? (spec.price?.batch ?? USUAL_BATCH_SHARE) : 1);
  const throttle = limits.throttle(`${identity} ${server?.model ?? spec.model}`, {
    name,
    endpoints: endpointsOf(spec),
    concurrency: spec.concurrency,
    requestsPerMinute: spec.requests_per_minute,
    tokensPerMinute: spec.tokens_per_minute,
    saturationSeconds: spec.saturation_seconds,
    clock,
  });
  const hopes = new Hopes(name, throttle);
  const notices = new Notices(clock, log);
  const unlisten = throttle.listen((event) => {
    notices.note(event.type, event.type === 'circuit-closed' ? 'info' : 'warn', throttleText(name, event));
  });
  const link = linkTo(options);
  const budget = spec.budget === undefined ? undefined : limits.budget(name, spec.budget);
  const batches = batchesFor(options, { folder, store, hopes, ledger, budget, clock, notices });
  const source = new AnswerSource({
    name,
    identity,
    recording,
    store,
    link,
    batches,
    throttle,
    hopes,
    ledger,
    budget,
    retries: spec.retries,
    clock,
    notices,
  });

  return {
    identity,
    get spent() {
      return ledger.spent;
    },
    async *ask(ask) {
      // What another process has bought meanwhile need not be bought again.
      await store.refresh();
      const request = (row: Parameters<typeof ask.request>[0]) => withRoom(ask.request(row), spec.request);
      const usefulness = new Usefulness(name, spec.give_up_after, notices);
      yield* askAll(source, rowsInWork(spec), usefulness, { ...ask, request });
    },
    async estimate(requests) {
      const tokens = { input: 0, output: 0 };
      let kept = 0;
      let asked = 0;
      for await (const question of requests) {
        const request = withRoom(question, spec.request);
        if (source.isKept(request)) {
          kept += 1;
          continue;
        }
        asked += 1;
        const characters = request.messages.reduce((sum, { content }) => sum + content.length, 0);
        tokens.input += estimateTokens(characters);
        tokens.output += request.sampling.max_tokens;
      }
      const cost = spec.price === undefined ? {} : { cost_usd: ledger.atMost(tokens).usd };
      return { kept, requests: asked, input_tokens: tokens.input, output_tokens: tokens.output, ...cost };
    },
    async [Symbol.asyncDispose]() {
      unlisten();
      await batches?.[Symbol.asyncDispose]();
      notices.flush();
      await link?.[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await recording?.[Symbol.asyncDispose]();
    },
  };
}

/** The way to the server, opened when the first answer is bought; `undefined` when there is none. */
function linkTo(options: OpenModelOptions): (ServerLink & AsyncDisposable) | undefined {
  const { spec, server } = options;
  if (spec.endpoint === undefined && server === undefined) return undefined;
  const connected = new Map<string, Connected>();

  const clientFor = async (endpoint: string, to: ServerAddress | undefined): Promise<ChatClient> => {
    const apiKey = to?.apiKey ?? keyOf(options);
    // Only when somebody is really asked: it takes longer to load than a run without work.
    const { createOpenaiClient } = await import('./asking/wire/openai-client.js');
    return createOpenaiClient({
      endpoint: to?.endpoint ?? endpoint,
      socketPath: to?.socketPath,
      model: server?.model ?? spec.model,
      apiKey,
      furtherFields: spec.request,
      connections: spec.concurrency.max,
      timeoutSeconds: spec.timeout_seconds,
      idleTimeoutSeconds: spec.idle_timeout_seconds,
      redact: redactorFor(options, apiKey),
    });
  };
  return {
    async connect(endpoint, signal) {
      const to = await server?.held.connect(signal);
      const known = connected.get(endpoint);
      if (known !== undefined && known.to === to) return known.client;
      // What was asked of the server before goes down with it.
      void close(known?.client);
      const client = clientFor(endpoint, to);
      connected.set(endpoint, { to, client });
      return client;
    },
    async death(asked) {
      if (server === undefined) return undefined;
      const [now] = connected.values();
      return asked === (await now?.client) ? server.held.death() : 'restarts';
    },
    async [Symbol.asyncDispose]() {
      for (const { client } of connected.values()) await close(client);
      await server?.held[Symbol.asyncDispose]();
    },
  };
}

/** Throws `models/no-key`. */
function keyOf({ name, spec, env }: OpenModelOptions): string | undefined {
  const apiKey = spec.api_key_env === undefined ? undefined : env(spec.api_key_env);
  if (spec.api_key_env === undefined || apiKey) return apiKey;
  throw new SecpiError('models/no-key', `Model "${name}" needs a key, but ${spec.api_key_env} is not set`, {
    hint: `Set the environment variable ${spec.api_key_env}, which the recipe names in models.${name}.api_key_env.`,
    exitCode: 2,
  });
}

function redactorFor({ redact }: OpenModelOptions, apiKey: string | undefined): Redactor {
  const hideKey = createRedactor({}, apiKey === undefined ? [] : [apiKey]);
  return (text) => redact(hideKey(text));
}

/** Whoever buys answers in batches, where the recipe wants that; opened when the first answer is bought. */
function batchesFor(
  options: OpenModelOptions,
  means: Pick<BatchesOptions, 'folder' | 'store' | 'hopes' | 'ledger' | 'budget' | 'clock' | 'notices'>,
): ReturnType<typeof openBatches> | undefined {
  const { name, spec } = options;
  const { mode, endpoint } = spec;
  if (mode !== 'batch' || endpoint === undefined) return undefined;
  let opened: Promise<ReturnType<typeof openBatches>> | undefined;
  const open = async (): Promise<ReturnType<typeof openBatches>> => {
    const { openBatches } = await import('./asking/batch/open-batches.js');
    return openBatches({
      name,
      spec,
      endpoint,
      apiKey: () => keyOf(options),
      redactorFor: (apiKey) => redactorFor(options, apiKey),
      ...means,
    });
  };
  return {
    async buy(...asked) {
      opened ??= open();
      return (await opened).buy(...asked);
    },
    async [Symbol.asyncDispose]() {
      await (await opened?.catch(() => undefined))?.[Symbol.asyncDispose]();
    },
  };
}

/** How many rows may be in work: as many as the server and its queue hold. */
function rowsInWork(spec: ModelSpec): number {
  if (spec.mode === 'batch') return spec.batch.requests * spec.batch.at_once;
  return spec.concurrency.max * endpointsOf(spec).length * ROWS_PER_REQUEST;
}

/** The addresses of a model's servers; one without a name for a server of ours. */
function endpointsOf({ endpoint, replicas }: ModelSpec): readonly string[] {
  return endpoint === undefined ? [''] : [endpoint, ...replicas];
}

interface Connected {
  readonly to: ServerAddress | undefined;
  readonly client: Promise<ChatClient>;
}

async function close(client: Promise<ChatClient> | undefined): Promise<void> {
  await (await client?.catch(() => undefined))?.close();
}

function throttleText(name: string, event: ThrottleEvent): string {
  const who = `${name}${event.where}`;
  switch (event.type) {
    case 'slower': {
      const pause = event.pause_seconds > 0 ? ` after ${event.pause_seconds.toFixed(1)} s` : '';
      return `${who}: overloaded (${event.message}); going on${pause} with ${event.concurrency} at a time`;
    }
    case 'circuit-open':
      return `${who}: nothing but failures (${event.message}); trying one request at a time`;
    case 'circuit-closed':
      return `${who}: answers again; ${event.concurrency} at a time`;
    case 'given-up':
      return `${who} is not asked any more: ${event.message}`;
  }
}
