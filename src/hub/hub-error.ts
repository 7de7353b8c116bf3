import { HubApiError } from '@huggingface/hub';
import { SecpiError } from '../base/errors.js';
import type { Redactor } from '../base/redact.js';
import type { HubRepo } from './hub.js';
import { isBrokenConnection } from './retrying-fetch.js';

/** What was being done when it went wrong, for the sentence and the hint. */
export interface HubAction {
  /** As in "cannot <verb> model owner/name". */
  readonly verb: string;
  readonly repo: HubRepo;
  /** Whether it needs a token that may write. */
  readonly writes: boolean;
}

export interface HubErrorContext {
  readonly host: string;
  readonly hasToken: boolean;
  readonly redact: Redactor;
}

const longestServerMessage = 200;

/**
 * Turns what a call to the Hub threw into a `SecpiError`: `hub/no-token`, `hub/unauthorised`, `hub/forbidden`,
 * `hub/not-found`, `hub/changed-meanwhile`, `hub/rate-limited`, `hub/unavailable`, `hub/refused`, `hub/unreachable`.
 * Anything else (a bug, an abort) comes back as it is. The original is not kept as cause: its address may carry a signature.
 */
export function hubError(error: unknown, action: HubAction, context: HubErrorContext): unknown {
  if (error instanceof SecpiError) return error;
  const cannot = `cannot ${action.verb} ${action.repo.kind} ${action.repo.name}`;
  if (error instanceof HubApiError) return apiError(error, cannot, action, context);
  if (error instanceof Error && isBrokenConnection(error)) {
    const why = error.cause instanceof Error && 'code' in error.cause ? ` (${String(error.cause.code)})` : '';
    return new SecpiError('hub/unreachable', `${cannot}: the connection to ${context.host} failed${why}`, {
      hint: 'Check the network; what is already there is not transferred again.',
    });
  }
  return error;
}

function apiError(error: HubApiError, cannot: string, action: HubAction, context: HubErrorContext): SecpiError {
  const { statusCode } = error;
  const said = serverMessage(error, context.redact);
  const failed = (code: string, what: string, hint: string): SecpiError =>
    new SecpiError(`hub/${code}`, `${cannot}: ${what}${said}`, { hint });
  if (statusCode === 401 && !context.hasToken) return noToken(action, context);
  switch (statusCode) {
    case 401:
      return failed(
        'unauthorised',
        `${context.host} does not accept the token, or the repository does not exist`,
        'Check `HF_TOKEN`: it may have expired or been revoked.',
      );
    case 403:
      return failed(
        'forbidden',
        'the token may not do that',
        action.writes
          ? 'Give the token write access to this repository or organisation in your Hub settings.'
          : 'If access to the repository is on request, accept its terms on its page first.',
      );
    case 404:
      return failed(
        'not-found',
        'there is no such repository, revision or file, or it is private',
        context.hasToken
          ? 'Check the name, and that the token may read it.'
          : 'Check the name; for a private one set `HF_TOKEN`.',
      );
    case 412:
      return failed(
        'changed-meanwhile',
        'somebody else pushed to it at the same time',
        'Run the same command again: it compares with the new state and uploads only what differs.',
      );
    case 429:
      return failed(
        'rate-limited',
        'the Hub asks for fewer requests',
        'Wait a few minutes and run the same command again.',
      );
    default:
      if (statusCode >= 500) {
        return failed(
          'unavailable',
          `the Hub answered ${statusCode}`,
          'Run the same command again later; nothing is lost.',
        );
      }
      return failed('refused', `the Hub answered ${statusCode}`, 'Its message above says what it did not like.');
  }
}

/** Nothing can be written without a token, and nothing private read. */
export function noToken(action: HubAction, { host }: HubErrorContext): SecpiError {
  const { repo, verb, writes } = action;
  const what = writes ? 'a token is needed' : 'it does not exist, or it is private and a token is needed';
  return new SecpiError('hub/no-token', `cannot ${verb} ${repo.kind} ${repo.name}: ${what}`, {
    hint: `Set \`HF_TOKEN\` to a token with ${writes ? 'write' : 'read'} access (https://${host}/settings/tokens).`,
  });
}

/** The server's own words, which are untrusted: one short line without secrets. */
function serverMessage(error: HubApiError, redact: Redactor): string {
  const text = error.data?.error ?? error.data?.message;
  if (typeof text !== 'string') return '';
  // Cut after the redaction: half a secret would not be recognised.
  const line = redact(text)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  if (line === '' || line.startsWith('<')) return '';
  return ` ("${line.length > longestServerMessage ? `${line.slice(0, longestServerMessage)}…` : line}")`;
}
