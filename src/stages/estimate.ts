import type { StageEstimate } from '../engine/stage.js';
import type { ChatRequest } from '../models/chat.js';
import type { OpenModel } from '../models/open-model.js';

/** What asking these questions would take; answers that are kept already cost nothing. Nothing is asked. */
export async function estimateQuestions(
  model: OpenModel,
  requests: AsyncIterable<ChatRequest>,
): Promise<StageEstimate> {
  const { kept, ...estimate } = await model.estimate(requests);
  return { ...estimate, ...(kept === 0 ? {} : { note: `${kept} answers are kept already` }) };
}

/** Questions of rows, lazily. */
export async function* requestsOf<Row>(
  rows: AsyncIterable<Row>,
  request: (row: Row) => ChatRequest,
): AsyncIterable<ChatRequest> {
  for await (const row of rows) yield request(row);
}
