import { wellFormed } from '../../base/well-formed.js';

/** The first question of a conversation, and the answer to it. */
export interface FirstTurn {
  readonly question: string;
  readonly answer: string | undefined;
}

/** Who speaks, and what is said: OpenAI's `role` and `content`, ShareGPT's `from` and `value`. */
const speakerKeys = ['role', 'from'] as const;
const textKeys = ['content', 'value'] as const;
const askers = new Set(['user', 'human', 'prompter']);
const answerers = new Set(['assistant', 'gpt', 'model', 'bot', 'chatgpt']);

/** Parts of a message that are text, as OpenAI's and their like call them. */
const textParts = new Set(['text', 'input_text', 'output_text']);

/** Text as it is (wanted as an answer it is one, too), or the first turn of a chat. `undefined` when it is neither. */
export function textOrTurn(value: unknown): FirstTurn | undefined {
  const chat = chatIn(value);
  if (chat !== undefined) return firstTurn(chat);
  if (typeof value !== 'string' || isForeignChat(value)) return undefined;
  return { question: value, answer: value };
}

/** A list, which may be one of chat messages, or the messages in a text that is their JSON and nothing else. */
export function chatIn(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value;
  if (typeof value !== 'string' || !/^\s*\[\s*\{/.test(value)) return undefined;
  try {
    const parsed: unknown = JSON.parse(value);
    return Array.isArray(parsed) && parsed.some((one) => messageIn(one) !== undefined) ? wellFormed(parsed) : undefined;
  } catch {
    return undefined;
  }
}

/** A chat as Python prints it. It is no JSON, and as a text it would be a task with its answer in it. */
function isForeignChat(text: string): boolean {
  return (
    /^\s*\[\s*\{\s*['"](?:role|from|content|value)['"]\s*:/.test(text) && /\}\s*\]$/.test(text.slice(-100).trimEnd())
  );
}

/** The first turn of a list of chat messages; what a system message says is left out. `undefined` when it is no such list, or nobody asks in words alone. */
export function firstTurn(value: unknown): FirstTurn | undefined {
  if (!Array.isArray(value)) return undefined;
  const messages = value.map(messageIn);
  const asked = messages.findIndex((message) => message !== undefined && askers.has(message.speaker));
  const question = messages[asked]?.text ?? undefined;
  if (question === undefined) return undefined;
  const answer = messages.slice(asked + 1).find((message) => message !== undefined && answerers.has(message.speaker));
  return { question, answer: answer?.text ?? undefined };
}

/** A message of a chat. Its text is `null` where it holds more than that: an image, say. */
function messageIn(value: unknown): { readonly speaker: string; readonly text: string | null } | undefined {
  const speaker = valuesUnder(value, speakerKeys).find((one) => typeof one === 'string');
  const [text] = valuesUnder(value, textKeys).flatMap(textIn);
  return speaker === undefined || text === undefined ? undefined : { speaker: speaker.toLowerCase(), text };
}

function textIn(content: unknown): readonly (string | null)[] {
  if (typeof content === 'string') return [content];
  if (!Array.isArray(content)) return [];
  const parts = content.map(textOfPart);
  return [parts.includes(undefined) ? null : parts.join('\n\n')];
}

function textOfPart(part: unknown): string | undefined {
  if (typeof part === 'string') return part;
  const [type = 'text'] = valuesUnder(part, ['type']);
  const [text] = valuesUnder(part, ['text']);
  return typeof type === 'string' && textParts.has(type) && typeof text === 'string' ? text : undefined;
}

/** What stands under these names. */
function valuesUnder(value: unknown, keys: readonly string[]): readonly unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  return keys.flatMap((key) => (Object.hasOwn(value, key) ? [(value as Readonly<Record<string, unknown>>)[key]] : []));
}
