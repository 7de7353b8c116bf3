import * as z from 'zod';
import { operational } from '../engine/operational.js';
import { fromEnvironment, inputPath } from '../recipe/field.js';
import { furtherFieldsSchema, withFields } from './further-fields.js';
import { modelServeSchema } from './serving/serve-spec.js';

const environmentName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the NAME of an environment variable, never the key itself');

const httpUrl = z.url({
  protocol: /^https?$/,
  error: 'must be an http:// or https:// address, such as http://host:8000/v1',
});

const endpointUrl = fromEnvironment(httpUrl, 'http://not-set.invalid/v1');

/** At most a week: longer than that is a mistake, and much longer does not fit into a timer. */
const seconds = z
  .number()
  .positive()
  .max(7 * 24 * 3600);

/** USD per 1 million tokens. */
const priceSchema = z.strictObject({
  input: z.number().min(0),
  output: z.number().min(0),
  /** For input that the server had in its cache, where it says so. Default: as `input`. */
  cached_input: z.number().min(0).optional(),
  /** For output that was thought and not said, where the server tells these apart. Default: as `output`. */
  reasoning: z.number().min(0).optional(),
  /** Share of all these prices that an answer out of a batch costs. Default: 0.5, half of them. */
  batch: z.number().min(0).max(1).optional(),
});
export type Price = z.infer<typeof priceSchema>;

/**
 * A hard stop of one run, for all its stages together. Counted are all answers that they use, also those that an earlier run bought; a
 * stage that is done already uses none.
 */
const budgetSchema = z
  .strictObject({ usd: z.number().min(0).optional(), tokens: z.number().int().min(0).optional() })
  .refine((budget) => budget.usd !== undefined || budget.tokens !== undefined, 'needs usd or tokens');
export type BudgetLimit = z.infer<typeof budgetSchema>;

/** Requests in flight at once, at each endpoint. It starts at `start`, follows the server, and never passes `max`. */
const concurrencySchema = z
  .strictObject({ start: z.number().int().min(1).default(8), max: z.number().int().min(1).default(64) })
  .refine((limits) => limits.start <= limits.max, 'start must not be larger than max');

const batchSchema = z.strictObject({
  /** Most questions of one batch. OpenAI takes 50000. */
  requests: z.number().int().min(1).max(50_000).default(10_000),
  /** Most MB of one batch. OpenAI takes 200. */
  megabytes: z.number().positive().max(200).default(100),
  /** Batches at the server at once. So many times `requests` rows are held in memory. */
  at_once: z.number().int().min(1).max(16).default(2),
  /** First pause between two looks at a batch. It grows to ten times that. */
  poll_seconds: z.number().positive().max(3600).default(30),
});

/**
 * One entry under the recipe's `models:`. Fields that say *how* a model is asked, not what it answers, are marked as
 * operational: a change of these must not run anything again. What remains is `model`, `revision` and
 * `request`; the bytes of `replay` enter fingerprints as a pin.
 */
const modelFields = z.strictObject({
  /** What the server calls the model; with `revision`, what the model *is*. */
  model: z.string().min(1),
  revision: z.string().min(1).optional(),
  /** Base address of an OpenAI-compatible server, including its `/v1`. */
  endpoint: operational(endpointUrl.optional()),
  /** Further servers of the very same model: each question goes to the one with most room. All take the same key. */
  replicas: operational(z.array(endpointUrl).max(100).default([])),
  /** Name of the environment variable that holds the key. */
  api_key_env: operational(environmentName.optional()),
  /** A recording whose answers come first. */
  replay: operational(inputPath().optional()),
  /**
   * Further fields of every request, handed through as they are: `reasoning_effort`, `top_k`, `chat_template_kwargs`. `max_completion_tokens`
   * is sent in the place of `max_tokens`, and is the room of every answer.
   */
  request: furtherFieldsSchema.optional(),
  price: operational(priceSchema.optional()),
  /**
   * `online` asks one question per request and has the answer at once. `batch` hands many in together, as a file, to a server with OpenAI's
   * Batch API: at a lower price, and within a day.
   */
  mode: operational(z.enum(['online', 'batch']).default('online')),
  /** How questions are put together where `mode` is `batch`. */
  batch: operational(batchSchema.prefault({})),
  concurrency: operational(concurrencySchema.prefault({})),
  /** Ceiling on requests, at each endpoint. */
  requests_per_minute: operational(z.number().positive().optional()),
  /** Ceiling on tokens, at each endpoint. */
  tokens_per_minute: operational(z.number().positive().optional()),
  /** The whole of one attempt. */
  timeout_seconds: operational(seconds.default(1800)),
  /** Longest silence before and inside an answer. It is less as soon as the server is known to be quicker. */
  idle_timeout_seconds: operational(seconds.default(300)),
  /** How long the server may do nothing but refuse (429, 5xx, no connection) before the run gives up; 10 s if no model server was ever reached. */
  saturation_seconds: operational(seconds.default(300)),
  /** Further attempts after a failed one, per question. */
  retries: operational(z.number().int().min(0).default(5)),
  /** Nobody is asked any more when the first so many rows have come out and none with an answer in form that fits; with 0 all are asked. */
  give_up_after: operational(z.number().int().min(0).default(32)),
  budget: operational(budgetSchema.optional()),
  /** A server of ours that answers, instead of an endpoint. */
  serve: modelServeSchema.optional(),
});
export const modelSpecSchema = modelFields.superRefine(checkServing).superRefine(checkBudget);

export type ModelSpec = z.infer<typeof modelSpecSchema>;

function checkServing(spec: z.infer<typeof modelFields>, context: z.core.$RefinementCtx): void {
  const { serve, endpoint, replicas, api_key_env, revision, mode } = spec;
  const complain = (path: string[], message: string) =>
    context.addIssue({ code: 'custom', path, message, input: spec });
  if (replicas.length > 0 && endpoint === undefined)
    complain(['replicas'], 'are further ones: the first is `endpoint`');
  if (mode === 'batch' && serve !== undefined)
    complain(['mode'], 'must be `online`: a server of ours takes no batches');
  if (mode === 'batch' && replicas.length > 0) {
    complain(['replicas'], 'are of no use where `mode` is `batch`: a batch is at one server');
  }
  if (serve === undefined) return;
  if (endpoint !== undefined) complain(['endpoint'], 'a model is asked at an endpoint or served, not both');
  if (api_key_env !== undefined) complain(['api_key_env'], 'a model that is served here gets a random key of its own');
  if (serve.folder !== undefined) {
    if (revision !== undefined) complain(['revision'], 'is for a model of the Hub, and this one is a folder');
    return;
  }
  if (serve.engine === 'transformers') complain(['serve', 'folder'], 'must be given: `transformers` fetches no model');
  else if (!/^[0-9a-f]{40}$/.test(revision ?? '')) {
    complain(['revision'], 'must be a commit of the Hub (40 hex digits): a branch changes, and its answers with it');
  }
}

function checkBudget(spec: z.infer<typeof modelFields>, context: z.core.$RefinementCtx): void {
  if (spec.budget?.usd === undefined || spec.price !== undefined) return;
  const message = 'needs a `price` beside it: without one nothing costs anything, and it would never stop';
  context.addIssue({ code: 'custom', path: ['budget', 'usd'], message, input: spec });
}

/** What the model is, as it enters request hashes: name, revision, and what every request to it holds besides the question. */
export function identityOf(spec: Pick<ModelSpec, 'model' | 'revision' | 'request'>): string {
  const name = spec.revision === undefined ? spec.model : `${spec.model}@${spec.revision}`;
  return withFields(name, spec.request);
}
