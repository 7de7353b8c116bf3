import type { AskOutcome, ChatRequest } from '../chat.js';
import type { AskOptions } from '../model.js';
import type { AnswerSource, AskScope } from './answer-source.js';
import { Budget } from './budget.js';
import { orderedWindow } from './ordered-window.js';

const DEFAULT_ASK_AGAIN = 2;

/** Asks all rows' questions of one source, `window` at a time; see `Model.ask`. */
export async function* askAll<Row, Parsed>(
  source: AnswerSource,
  window: number,
  options: AskOptions<Row, Parsed>,
): AsyncGenerator<{ readonly row: Row; readonly outcome: AskOutcome<Parsed> }> {
  const shared = {
    budget: options.budget === undefined ? undefined : new Budget(options.budget),
    underway: new Map(),
  };
  let done = 0;
  const outcomes = orderedWindow({
    rows: options.rows,
    window,
    signal: options.signal,
    work: async (row, signal) => {
      const outcome = await askOne(source, options.request(row), options, { ...shared, signal });
      done += 1;
      options.onSettled?.(done);
      return outcome;
    },
  });
  for await (const { row, result } of outcomes) yield { row, outcome: result };
}

/** One question to its end: asked again while the answer is unusable, and once with more room when it was cut off. */
async function askOne<Row, Parsed>(
  source: AnswerSource,
  question: ChatRequest,
  { parse, askAgain = DEFAULT_ASK_AGAIN, onTruncated = 'double' }: AskOptions<Row, Parsed>,
  scope: AskScope,
): Promise<AskOutcome<Parsed>> {
  let request = question;
  let doubled = false;
  let attempt = 0;
  let cost = 0;
  let unusable: Extract<AskOutcome<Parsed>, { ok: false }> | undefined;
  for (;;) {
    const found = await source.find(request, attempt, scope);
    if (!found.ok) {
      // A further attempt that nobody may answer, or that the server has no room for, leaves us with what we know already.
      const final = found.reason === 'not_recorded' || (doubled && attempt === 0 && found.reason === 'refused');
      return unusable !== undefined && final ? unusable : found;
    }
    const { answer, from } = found;
    cost += found.cost_usd;
    if (answer.finish === 'content_filter') {
      return { ok: false, reason: 'refused', message: 'the answer was stopped by a content filter', answer };
    }
    if (answer.finish === 'length' && onTruncated === 'double') {
      const message = `the answer does not fit into ${request.sampling.max_tokens} tokens`;
      unusable = { ok: false, reason: 'truncated', message, answer };
      if (doubled) return unusable;
      doubled = true;
      attempt = 0;
      request = { ...request, sampling: { ...request.sampling, max_tokens: request.sampling.max_tokens * 2 } };
      continue;
    }
    const parsed = parse(answer);
    if (parsed.ok) return { ok: true, answer, parsed: parsed.value, from, cost_usd: cost };
    unusable = { ok: false, reason: 'unparsable', message: parsed.why, answer };
    if (attempt >= askAgain) return unusable;
    attempt += 1;
  }
}
