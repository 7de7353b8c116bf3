import type { ChatAnswer, ChatRequest } from '../chat.js';
import { estimateTokens } from './wire/chat-response.js';

export type Tokens = ChatAnswer['tokens'];

/** The most that an attempt can use: two bytes of a prompt make a token at worst, and the answer is as long as allowed. */
export function worstCase({ messages, sampling }: ChatRequest): Tokens {
  const bytes = messages.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0);
  return { input: estimateTokens(bytes * 2) + 8 * messages.length, output: sampling.max_tokens };
}

/** Further samples get other seeds, or a server that obeys seeds would say the same again. */
export function seedOf({ sampling, sample }: ChatRequest): number | undefined {
  if (sampling.seed === undefined) return undefined;
  return (sampling.seed + sample * 7919) % 2 ** 31;
}
