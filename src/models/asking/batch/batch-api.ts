import { APIError } from 'openai';
import { Agent } from 'undici';
import * as z from 'zod';
import type { Redactor } from '../../../base/redact.js';
import { type AttemptFailure, failureOf, shorten } from '../wire/attempt-failure.js';
import { openaiOver } from '../wire/openai-client.js';
import type { PlainResponse } from '../wire/transport.js';
import type { BatchRecord } from './batch-folder.js';
import { BATCH_URL, linesOf } from './batch-lines.js';

const id = z.string().min(1).max(500);
/** Of a batch we look at no more than this. Words for what is neither begun nor over differ. */
const batchSchema = z.looseObject({
  id,
  status: z.string(),
  input_file_id: z.string().nullish(),
  output_file_id: id.nullish(),
  error_file_id: id.nullish(),
  created_at: z.number().nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
  request_counts: z
    .looseObject({ total: z.number(), completed: z.number(), failed: z.number() })
    .nullish()
    .catch(undefined),
  errors: z
    .looseObject({
      data: z.array(
        z.looseObject({ code: z.string().nullish(), message: z.string().nullish(), line: z.number().nullish() }),
      ),
    })
    .nullish()
    .catch(undefined),
});
/** A batch as its server tells of it. */
export type ServerBatch = z.infer<typeof batchSchema>;

const fileSchema = z.looseObject({ id });
const pageSchema = z.looseObject({ data: z.array(batchSchema), has_more: z.boolean().nullish() });

/** A call that brought what was asked for, or did not. */
export type Called<Value> =
  | { readonly ok: true; readonly value: Value }
  | (AttemptFailure & { readonly status?: number | undefined });

export interface BatchApiOptions {
  /** Base address including `/v1`. */
  readonly endpoint: string;
  readonly apiKey: string | undefined;
  /** For the whole of an upload. */
  readonly timeoutSeconds: number;
  /** Longest silence while answers are read. */
  readonly idleTimeoutSeconds: number;
  readonly redact: Redactor;
}

/** Batches are listed newest first; clocks differ, by less than this. */
const CLOCKS_DIFFER_SECONDS = 24 * 3600;
const PAGE = 100;
const MOST_PAGES = 200;
/** What is small is there soon, or not at all. */
const SMALL_TIMEOUT_MS = 60_000;
/** Nothing but files is larger than this. */
const MOST_SAID_BYTES = 16 * 1024 ** 2;
/** A file of answers that is larger than this is broken or hostile: 50000 answers of 1 MB. */
const MOST_BYTES = 50 * 1024 ** 3;
/** Under this our name for a batch stands in its metadata. */
const LABEL = 'secpi_batch';

/**
 * One server with OpenAI's Batch API, called once per call. Nothing is thrown for what it may do; `signal.reason` is, when aborted. What it
 * sends is checked, and never more than one line of a file is held.
 */
export function openBatchApi(options: BatchApiOptions) {
  const { redact, timeoutSeconds } = options;
  const agentFor = (maxResponseSize: number): Agent =>
    new Agent({ headersTimeout: 0, bodyTimeout: options.idleTimeoutSeconds * 1000, maxResponseSize });
  const agents = { calls: agentFor(MOST_SAID_BYTES), files: agentFor(MOST_BYTES) };
  const client = openaiOver(agents.calls, options);
  const filesClient = openaiOver(agents.files, options);

  async function called<Value>(
    schema: z.ZodType<Value>,
    signal: AbortSignal,
    call: (options: { readonly signal: AbortSignal }) => { asResponse(): Promise<unknown> },
    timeoutMs = SMALL_TIMEOUT_MS,
  ): Promise<Called<Value>> {
    signal.throwIfAborted();
    const late = AbortSignal.timeout(timeoutMs);
    try {
      const response = (await call({ signal: AbortSignal.any([signal, late]) }).asResponse()) as PlainResponse;
      const parsed = schema.safeParse(JSON.parse(await response.text()));
      if (parsed.success) return { ok: true, value: parsed.data };
      const [issue] = parsed.error.issues;
      const message = shorten(`the response does not fit at ${issue?.path.join('.')}: ${issue?.message}`, redact);
      return { ok: false, reason: 'server', retryable: true, message };
    } catch (error) {
      signal.throwIfAborted();
      const failure = failureOf(late.aborted ? late.reason : error, redact);
      return { ...failure, status: error instanceof APIError ? error.status : undefined };
    }
  }

  return {
    /** For what it says. */
    redact,

    /** Brings the questions there, as a file of this name. */
    upload(name: string, lines: readonly string[], signal: AbortSignal): Promise<Called<{ readonly id: string }>> {
      const file = new File([...lines], name, { type: 'application/jsonl' });
      return called(
        fileSchema,
        signal,
        (more) => client.files.create({ file, purpose: 'batch' }, more),
        timeoutSeconds * 1000,
      );
    },

    /** Orders the answers to a file that is there. From here on they cost something. */
    create({ batch, file = '' }: BatchRecord, signal: AbortSignal): Promise<Called<ServerBatch>> {
      const order = {
        input_file_id: file,
        endpoint: BATCH_URL,
        completion_window: '24h' as const,
        metadata: { [LABEL]: batch },
      } as const;
      return called(batchSchema, signal, (more) => client.batches.create(order, more));
    },

    get(batch: string, signal: AbortSignal): Promise<Called<ServerBatch>> {
      return called(batchSchema, signal, (more) => client.batches.retrieve(batch, more));
    },

    /** The batch that was made of a record, if there is one: by our name for it, or by its file where a server keeps no metadata. */
    async find({ batch, file, since }: BatchRecord, signal: AbortSignal): Promise<Called<ServerBatch | undefined>> {
      const oldest = since === undefined ? 0 : Date.parse(since) / 1000 - CLOCKS_DIFFER_SECONDS;
      let after: string | undefined;
      for (let page = 0; page < MOST_PAGES; page += 1) {
        const query = { limit: PAGE, ...(after === undefined ? {} : { after }) };
        const listed = await called(pageSchema, signal, (more) => client.batches.list(query, more));
        if (!listed.ok) return listed;
        const { data, has_more } = listed.value;
        const found = data.find((one) => one.metadata?.[LABEL] === batch || one.input_file_id === file);
        const last = data.at(-1);
        if (found !== undefined || has_more !== true || last === undefined) return { ok: true, value: found };
        if ((last.created_at ?? Number.POSITIVE_INFINITY) < oldest) return { ok: true, value: undefined };
        after = last.id;
      }
      return { ok: true, value: undefined };
    },

    /** The lines of a file as they come, `undefined` for one that is too long. Throws what ended them before their end. */
    async *lines(file: string, signal: AbortSignal): AsyncGenerator<string | undefined> {
      const response = (await filesClient.files.content(file, { signal }).asResponse()) as unknown as PlainResponse;
      yield* linesOf(response.body);
    },

    /** What an error of `lines` means. */
    failure(error: unknown): Called<never> {
      return { ...failureOf(error, redact), status: error instanceof APIError ? error.status : undefined };
    },

    async close(): Promise<void> {
      await Promise.all([agents.calls.destroy(), agents.files.destroy()]);
    },
  };
}

export type BatchApi = ReturnType<typeof openBatchApi>;
