import { setTimeout as sleep } from 'node:timers/promises';
import pRetry from 'p-retry';

export interface RetryPolicy {
  /** Attempts after the first. */
  readonly retries: number;
  /** Pause before the first retry; it doubles each time, with jitter. */
  readonly firstDelayMs: number;
  /** Longest pause, also when the server asks for more with `Retry-After`. */
  readonly longestDelayMs: number;
}

export const defaultRetryPolicy: RetryPolicy = { retries: 5, firstDelayMs: 500, longestDelayMs: 60_000 };

/** An attempt that is worth repeating; `retryAfterMs` is the least pause the server wants. */
class Transient extends Error {
  readonly retryAfterMs: number;

  constructor(cause: unknown, retryAfterMs = 0) {
    super('transient', { cause });
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * Repeats `attempt` while it throws what `transient` made, with growing pauses. `last` tells an attempt that no other
 * follows. Other errors end it at once, an abort with the signal's reason.
 */
export async function retrying<T>(
  attempt: (last: boolean) => Promise<T>,
  policy: RetryPolicy,
  signal: AbortSignal,
): Promise<T> {
  try {
    return await pRetry((number) => attempt(number > policy.retries), {
      retries: policy.retries,
      minTimeout: policy.firstDelayMs,
      maxTimeout: policy.longestDelayMs,
      randomize: true,
      signal,
      shouldRetry: ({ error }) => error instanceof Transient,
      onFailedAttempt: async ({ error, retriesLeft }) => {
        if (!(error instanceof Transient) || retriesLeft === 0 || error.retryAfterMs === 0) return;
        await sleep(Math.min(error.retryAfterMs, policy.longestDelayMs), undefined, { signal });
      },
    });
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof Transient ? error.cause : error;
  }
}

/** Marks an error so that `retrying` repeats the attempt. */
export function transient(cause: unknown, retryAfterMs = 0): Error {
  return new Transient(cause, retryAfterMs);
}

export interface RetryingFetchOptions {
  /** The token goes nowhere but to this origin, wherever a page link or an upload address may point. */
  readonly origin: string;
  readonly token: string | undefined;
  readonly policy: RetryPolicy;
  readonly signal: AbortSignal;
}

/**
 * A `fetch` that repeats what may work the next time: 429, 408, 5xx and broken connections; never another 4xx. A JSON answer
 * is read to its end inside the attempt, so that a connection which breaks half-way counts as broken. When all attempts are
 * used up the last answer is returned, or the last error thrown.
 */
export function retryingFetch(options: RetryingFetchOptions): typeof fetch {
  return async (input, init) => {
    const signal = init?.signal == null ? options.signal : AbortSignal.any([options.signal, init.signal]);
    const headers = headersFor(input, init, options);
    return retrying(
      async (last) => {
        try {
          const response = await fetch(input, { ...init, headers, signal });
          if (!mayPass(response.status) || last) return isFile(input) ? response : await settled(response);
          await response.body?.cancel();
          throw new Transient(response.status, retryAfterMs(response));
        } catch (error) {
          throw isBrokenConnection(error) ? new Transient(error) : error;
        }
      },
      options.policy,
      signal,
    );
  };
}

function headersFor(input: string | URL | Request, init: RequestInit | undefined, options: RetryingFetchOptions) {
  const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
  const url = new URL(input instanceof Request ? input.url : input);
  const ours = options.token !== undefined && headers.get('authorization')?.includes(options.token) === true;
  if (ours && url.origin !== options.origin) headers.delete('authorization');
  return headers;
}

function mayPass(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

/** A file's content is streamed, whatever its type. */
function isFile(input: string | URL | Request): boolean {
  return new URL(input instanceof Request ? input.url : input).pathname.includes('/resolve/');
}

/** JSON answers are small: read whole, they cannot break later on. */
async function settled(response: Response): Promise<Response> {
  if (!/[/+]json\b/.test(response.headers.get('content-type') ?? '')) return response;
  const { status, statusText, headers } = response;
  const body = await response.text();
  return new Response(body === '' ? null : body, { status, statusText, headers });
}

/** `Retry-After` is a number of seconds or a date. */
function retryAfterMs(response: Response): number {
  const value = response.headers.get('retry-after')?.trim() ?? '';
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? 0 : Math.max(0, date - Date.now());
}

/** What undici throws when a connection cannot be made or breaks: a TypeError around the socket's own error. */
export function isBrokenConnection(error: unknown): boolean {
  if (!(error instanceof TypeError)) return false;
  return error.message === 'terminated' || (error.message === 'fetch failed' && error.cause instanceof Error);
}
