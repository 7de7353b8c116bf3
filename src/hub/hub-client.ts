import { SecpiError } from '../base/errors.js';
import type { Redactor } from '../base/redact.js';
import type { HubRepo } from './hub.js';
import { hubAddress } from './hub.js';
import { type HubAction, type HubErrorContext, hubError, noToken } from './hub-error.js';
import { type RetryPolicy, retryingFetch } from './retrying-fetch.js';

/** Names become parts of addresses. A few old models have no owner. */
const repoName = /^\w[\w.-]*(?:\/\w[\w.-]*)?$/;

/** What every call of the library is given. */
export interface CallParams {
  readonly hubUrl: string;
  readonly fetch: typeof fetch;
  readonly accessToken?: string;
}

/** The address, the token and the manner of retrying that all calls share. */
export class HubClient {
  readonly url: string;
  readonly policy: RetryPolicy;
  readonly #token: string | undefined;
  readonly #errors: HubErrorContext;

  constructor(options: { url: string; token: string | undefined; redact: Redactor; policy: RetryPolicy }) {
    const { host } = new URL(options.url);
    this.url = hubAddress(options.url);
    this.policy = options.policy;
    this.#token = options.token === '' ? undefined : options.token;
    this.#errors = { host, hasToken: this.#token !== undefined, redact: options.redact };
  }

  /** Runs calls of the library; what they throw becomes a `SecpiError`, or the signal's reason. */
  async call<T>(action: HubAction, signal: AbortSignal, work: (params: CallParams) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    if (!repoName.test(action.repo.name)) {
      throw new SecpiError(
        'hub/bad-name',
        `${JSON.stringify(action.repo.name)} is no name of a repository on the Hub`,
        {
          hint: 'It looks like owner/name.',
          exitCode: 2,
        },
      );
    }
    if (action.writes && this.#token === undefined) throw noToken(action, this.#errors);
    if (this.#token !== undefined && !this.#token.startsWith('hf_')) {
      throw new SecpiError('hub/bad-token', 'the Hub token does not look like one: it must begin with hf_', {
        hint: 'Check `HF_TOKEN` for quotes, blanks or a token of another service.',
      });
    }
    try {
      return await work({
        hubUrl: this.url,
        fetch: retryingFetch({ origin: new URL(this.url).origin, token: this.#token, policy: this.policy, signal }),
        ...(this.#token === undefined ? {} : { accessToken: this.#token }),
      });
    } catch (error) {
      signal.throwIfAborted();
      throw hubError(error, action, this.#errors);
    }
  }
}

/** How the library names a repository. */
export function designation(repo: HubRepo): { readonly type: 'model' | 'dataset'; readonly name: string } {
  return { type: repo.kind, name: repo.name };
}
