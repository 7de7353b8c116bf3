import { createHash, type Hash } from 'node:crypto';
import type { Sha256 } from '../../base/hash.js';
import type { ChatMessage, ChatRequest } from '../chat.js';

/**
 * The message as it can travel: half a surrogate pair, which some data sets contain, has no UTF-8 form and becomes U+FFFD.
 */
export function wellFormed({ role, content }: ChatMessage): ChatMessage {
  return { role, content: content.toWellFormed() };
}

/**
 * The address of an answer: SHA-256 over canonical JSON (RFC 8785) of everything it depends on. Where the model runs, what it
 * costs and how often it was asked are not in it, so a recording made on one machine is found on another.
 */
export function requestHash(identity: string, { format, messages, sampling, sample }: ChatRequest): Sha256 {
  const { temperature, top_p, max_tokens, seed } = sampling;
  // Of keys that stand in their order `JSON.stringify` makes canonical JSON: nobody has to sort them for every task.
  // `json` makes the server constrain its output. A different model is a different answer.
  const head = `${JSON.stringify({ format, identity }).slice(0, -1)},"messages":[`;
  // Sample 1 of a question is another answer than sample 0. All settings; a seed that is not set is not the same as any that is.
  const tail = `],${JSON.stringify({ sample, sampling: { max_tokens, seed: seed ?? null, temperature, top_p } }).slice(1)}`;
  // All messages, the system message included.
  const [first, ...others] = messages;
  const begun = first?.role === 'system' ? begunWith(head, first) : createHash('sha256').update(head + textOf(first));
  return begun.update(others.map((message) => `,${textOf(message)}`).join('') + tail).digest('hex') as Sha256;
}

/** Canonical JSON of a message: its keys in order, and strings as `JSON.stringify` writes them. */
function textOf(message: ChatMessage | undefined): string {
  if (message === undefined) return '';
  const { role, content } = wellFormed(message);
  return `{"content":${JSON.stringify(content)},"role":"${role}"}`;
}

/** Each language has its own classifier prompt, each set of weaknesses its own teacher's. */
const MAX_REMEMBERED = 512;
const remembered = new Map<string, Map<string, Hash>>();
let size = 0;

/**
 * A hash that has taken up `head` and a system message. In canonical JSON these stand before everything that differs from row to
 * row, so what SHA-256 has made of them is remembered: thousands of tasks behind one system prompt cost one hashing of it.
 */
function begunWith(head: string, system: ChatMessage): Hash {
  let known = remembered.get(head)?.get(system.content);
  if (known === undefined) {
    if (size >= MAX_REMEMBERED) {
      remembered.clear();
      size = 0;
    }
    known = createHash('sha256').update(head + textOf(system));
    remembered.set(head, (remembered.get(head) ?? new Map<string, Hash>()).set(system.content, known));
    size += 1;
  }
  return known.copy();
}
