import { type Sha256, sha256Json } from '../../base/hash.js';
import type { ChatMessage, ChatRequest } from '../chat.js';

/**
 * The message as it can travel: half a surrogate pair, which some data sets contain, has no UTF-8 form and becomes U+FFFD.
 */
export function wellFormed({ role, content }: ChatMessage): ChatMessage {
  return { role, content: content.replace(/\p{Surrogate}/gu, '\u{FFFD}') };
}

/**
 * The address of an answer: SHA-256 over canonical JSON of everything it depends on. Where the model runs, what it costs
 * and how often it was asked are not in it, so a recording made on one machine is found on another.
 */
export function requestHash(identity: string, request: ChatRequest): Sha256 {
  const { temperature, top_p, max_tokens, seed } = request.sampling;
  return sha256Json({
    // A different model is a different answer.
    identity,
    // All messages, the system message included.
    messages: request.messages.map((message) => ({ ...wellFormed(message) })),
    // All settings; a seed that is not set is not the same as any seed that is.
    sampling: { temperature, top_p, max_tokens, seed: seed ?? null },
    // `json` makes the server constrain its output.
    format: request.format,
    // Sample 1 of a question is another answer than sample 0.
    sample: request.sample,
  });
}
