import type { StageEstimate } from '../engine/stage.js';
import type { ChatMessage } from '../models/chat.js';

/** Rule of thumb for text and code in the usual tokenizers; only estimates use it. */
const charactersPerToken = 4;

/** Requests, tokens and money for asking one question per row; nothing is asked. */
export async function estimateQuestions<Row>(
  rows: AsyncIterable<Row> | Iterable<Row>,
  messages: (row: Row) => readonly ChatMessage[],
  outputTokensEach: number,
  price: { readonly input: number; readonly output: number } | undefined,
): Promise<StageEstimate> {
  let requests = 0;
  let characters = 0;
  for await (const row of rows) {
    requests += 1;
    for (const message of messages(row)) characters += message.content.length;
  }
  const input_tokens = Math.ceil(characters / charactersPerToken);
  const output_tokens = requests * outputTokensEach;
  const cost_usd = price === undefined ? undefined : (input_tokens * price.input + output_tokens * price.output) / 1e6;
  return { requests, input_tokens, output_tokens, ...(cost_usd === undefined ? {} : { cost_usd }) };
}
