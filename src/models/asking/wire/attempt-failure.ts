import { STATUS_CODES } from 'node:http';
import { APIConnectionError, APIError } from 'openai';
import * as z from 'zod';
import { messageOf } from '../../../base/errors.js';
import type { Redactor } from '../../../base/redact.js';
import { retryAfterSeconds } from './retry-after.js';

/** One attempt that brought no answer. */
export interface AttemptFailure {
  readonly ok: false;
  readonly reason: 'transport' | 'rate_limit' | 'server' | 'refused';
  readonly retryable: boolean;
  /** Many of these at once mean that the server has too much to do; one alone means nothing. */
  readonly load?: true;
  /** The server says itself that it has too much to do. */
  readonly busy?: true;
  /** A reply had begun: there is a server. */
  readonly reached?: true;
  /** What came is nothing that a model's server says: perhaps another kind of server. */
  readonly foreign?: true;
  /** What would go wrong with every other question too: no use in asking on. */
  readonly fatal?: 'unauthorised' | 'forbidden' | 'no-such-model' | 'no-credit';
  readonly retryAfterSeconds?: number;
  /** Short and without secrets. */
  readonly message: string;
}

const MAX_MESSAGE_LENGTH = 300;

/** Makes whatever a server sent (a page of HTML, perhaps) fit into one line of a message. */
export function shorten(text: string, redact: Redactor): string {
  const line = redact(text.slice(0, 100_000)).replace(/\s+/g, ' ').trim();
  return line.length <= MAX_MESSAGE_LENGTH ? line : `${line.slice(0, MAX_MESSAGE_LENGTH)}…`;
}

/** Names of problems with the account rather than with the pace; they come as 429 too. */
const NO_CREDIT = new Set(['insufficient_quota', 'billing_hard_limit_reached', 'insufficient_credits']);

/** Not in any standard, and what several providers say. */
const OVERLOADED = 529;

/** Says what a thrown error of the `openai` client means. */
export function failureOf(error: unknown, redact: Redactor): AttemptFailure {
  if (error instanceof APIError && error.status !== undefined) {
    return statusFailure(error.status, error.headers, `${error.code ?? ''}`, error.message, redact);
  }
  if (error instanceof APIError && !(error instanceof APIConnectionError)) {
    // The server reported an error inside a stream.
    return bodyFailure(error.error, error.message, redact);
  }
  if (error instanceof SyntaxError)
    return { ...transport(`the response was cut off or is not JSON: ${error.message}`, redact), reached: true };
  return transport(causeChain(error), redact);
}

/** Says what `{"error": …}` in a response with status 200 means. */
export function bodyFailure(error: unknown, fallback: string, redact: Redactor): AttemptFailure {
  const known = z
    .looseObject({
      message: z.string().optional(),
      code: z.union([z.string(), z.number()]).nullish(),
      status: z.number().nullish(),
    })
    .safeParse(error);
  const message = known.data?.message ?? (typeof error === 'string' ? error : fallback);
  const code = known.data?.code ?? '';
  const status = known.data?.status ?? (/^[45]\d\d$/.test(`${code}`) ? Number(code) : undefined);
  if (status !== undefined && status >= 400) return statusFailure(status, undefined, `${code}`, message, redact);
  if (/rate.?limit/i.test(`${code}`)) return statusFailure(429, undefined, `${code}`, message, redact);
  return { ok: false, reason: 'server', retryable: true, message: shorten(`the server says: ${message}`, redact) };
}

function statusFailure(
  status: number,
  headers: Headers | undefined,
  code: string,
  text: string,
  redact: Redactor,
): AttemptFailure {
  const silent = text === `${status} status code (no body)`;
  const words = silent ? `${status} ${STATUS_CODES[status] ?? 'without a word'}` : text;
  const said = shorten(words.startsWith(`${status}`) ? words : `${status} ${words}`, redact);
  const wait = retryAfterSeconds(headers, Date.now());
  const common = { ok: false, message: said, ...(wait === undefined ? {} : { retryAfterSeconds: wait }) } as const;
  if (status === 402 || NO_CREDIT.has(code))
    return { ...common, reason: 'refused', retryable: false, fatal: 'no-credit' };
  if (status === 401) return { ...common, reason: 'refused', retryable: false, fatal: 'unauthorised' };
  // Some providers say this to a single question that they do not like.
  if (status === 403) return { ...common, reason: 'refused', retryable: false, fatal: 'forbidden' };
  if (status === 404) return { ...common, reason: 'refused', retryable: false, fatal: 'no-such-model' };
  const wish = headers?.get('x-should-retry');
  const passing = status === 408 || status === 409 || status === 425 || status === 429 || status >= 500;
  const retryable = wish === 'true' || (wish !== 'false' && passing);
  const load = {
    ...(status === 429 || status >= 500 ? { load: true as const } : {}),
    ...(status === 429 || status === 503 || status === OVERLOADED ? { busy: true as const } : {}),
  };
  if (status === 429) return { ...common, ...load, reason: 'rate_limit', retryable };
  return { ...common, ...load, reason: passing || retryable ? 'server' : 'refused', retryable };
}

function transport(text: string, redact: Redactor): AttemptFailure {
  return { ok: false, reason: 'transport', retryable: true, message: shorten(text, redact) };
}

/** "Connection error: connect ECONNREFUSED 127.0.0.1:1": the useful part hides at the end of the chain. */
function causeChain(error: unknown): string {
  const parts: string[] = [];
  for (let at: unknown = error, depth = 0; at !== undefined && at !== null && depth < 5; depth += 1) {
    const code = at instanceof Error && 'code' in at && typeof at.code === 'string' ? at.code : '';
    const message = messageOf(at).replace(/\.$/, '');
    const part = code === '' || message.includes(code) ? message : `${message} (${code})`;
    if (part !== '' && !parts.includes(part)) parts.push(part);
    at = at instanceof Error ? at.cause : undefined;
  }
  return parts.join(': ');
}
