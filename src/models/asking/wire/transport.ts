import type { IncomingHttpHeaders } from 'node:http';
import type { ClientOptions } from 'openai';
import { type Agent, request } from 'undici';

type Fetch = NonNullable<ClientOptions['fetch']>;

/** A response as it comes, without what a browser's `Response` adds: its streams, its copies, its promises. */
export interface PlainResponse {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  /** The bytes, as they come. */
  readonly body: AsyncIterable<Uint8Array>;
  /** All of it; of a refusal as the package reads it. */
  text(): Promise<string>;
}

/**
 * A `fetch` for the `openai` package over undici's `request`, which takes a quarter of the time that its `fetch` does. It can what that
 * package asks for and no more: texts and forms as bodies, no redirects, no compression, no cookies.
 */
export function plainFetch(agent: Agent): Fetch {
  const ask = async (url: string, init: RequestInit): Promise<PlainResponse> => {
    const { statusCode, headers, body } = await request(url, {
      dispatcher: agent,
      method: init.method as 'POST',
      headers: [...(init.headers as Headers)].flat(),
      body: (init.body ?? null) as string | null,
      signal: init.signal ?? null,
    }).catch((error: unknown) => {
      throw isNeverTaken(error) ? new Error('nobody took the connection') : error;
    });
    const ok = statusCode >= 200 && statusCode < 300;
    return {
      status: statusCode,
      headers: new PlainHeaders(headers),
      body,
      text: async () => (ok ? body.text() : withError(await body.text())),
      // What follows is for the package alone.
      ...{ ok, url },
    };
  };
  return ask as unknown as Fetch;
}

/** Its own words have the package say `Request timed out`, as if the question had been sent. */
function isNeverTaken(error: unknown): boolean {
  const { code, syscall } = error as { readonly code?: unknown; readonly syscall?: unknown };
  return code === 'UND_ERR_CONNECT_TIMEOUT' || (code === 'ETIMEDOUT' && syscall !== 'read');
}

/** The package looks for what a refusal says in `error` and nowhere else; some servers (earlier vLLM, FastAPI) have it at the top. */
function withError(refusal: string): string {
  try {
    const body: unknown = JSON.parse(refusal);
    const isBare = typeof body === 'object' && body !== null && !('error' in body);
    return isBare ? JSON.stringify({ error: body }) : refusal;
  } catch {
    return refusal;
  }
}

/** The part of `Headers` that is read. Names are lower case, as undici gives them. */
class PlainHeaders {
  readonly #headers: IncomingHttpHeaders;

  constructor(headers: IncomingHttpHeaders) {
    this.#headers = headers;
  }

  get(name: string): string | null {
    const value = this.#headers[name.toLowerCase()];
    return Array.isArray(value) ? value.join(', ') : (value ?? null);
  }

  *entries(): Generator<[string, string]> {
    for (const name of Object.keys(this.#headers)) yield [name, this.get(name) ?? ''];
  }
}
