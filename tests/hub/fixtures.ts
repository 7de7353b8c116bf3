import { createRedactor } from '../../src/base/redact.js';
import type { Hub } from '../../src/hub/hub.js';
import { type HubOptions, openHub } from '../../src/hub/open-hub.js';
import { type HubServer, WRITE_TOKEN } from '../support/hub-server.js';

/** Retries without waiting: what is tested is whether and how often, not how long. */
export const quickly = { retries: 3, firstDelayMs: 0, longestDelayMs: 5 };

export const signal: AbortSignal = new AbortController().signal;

/** The hub room against a local server, with a token that may write unless told otherwise. */
export function hubAt(server: HubServer, options: Partial<HubOptions> = {}): Hub {
  const token = 'token' in options ? options.token : WRITE_TOKEN;
  const redact = createRedactor({ HF_TOKEN: token });
  return openHub({ hubUrl: server.url, redact, retry: quickly, ...options, token });
}
