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

/** The first turn of a list of chat messages; what a system message says is left out. `undefined` when it is no such list, or nobody asks. */
export function firstTurn(value: unknown): FirstTurn | undefined {
  if (!Array.isArray(value)) return undefined;
  const messages = value.map(messageIn);
  const asked = messages.findIndex((message) => message !== undefined && askers.has(message.speaker));
  const question = messages[asked]?.text;
  if (question === undefined) return undefined;
  const answer = messages.slice(asked + 1).find((message) => message !== undefined && answerers.has(message.speaker));
  return { question, answer: answer?.text };
}

function messageIn(value: unknown): { readonly speaker: string; readonly text: string } | undefined {
  const speaker = textUnder(value, speakerKeys);
  const text = textUnder(value, textKeys);
  return speaker === undefined || text === undefined ? undefined : { speaker: speaker.toLowerCase(), text };
}

function textUnder(value: unknown, keys: readonly string[]): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  for (const key of keys) {
    const text = Object.hasOwn(value, key) ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
    if (typeof text === 'string') return text;
  }
  return undefined;
}
