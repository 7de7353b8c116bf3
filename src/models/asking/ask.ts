import type { AskOutcome, ChatRequest, Used } from '../chat.js';
import type { AskOptions } from '../model.js';
import type { AnswerSource, AskScope, Found } from './answer-source.js';
import { Ending } from './ending.js';
import { orderedWindow } from './ordered-window.js';
import { SeenAnswers } from './seen-answers.js';

const DEFAULT_ASK_AGAIN = 2;

/** Asks all rows' questions of one source, `window` at a time; see `Model.ask`. */
export async function* askAll<Row, Parsed>(
  source: AnswerSource,
  window: number,
  options: AskOptions<Row, Parsed>,
): AsyncGenerator<{ readonly row: Row; readonly outcome: AskOutcome<Parsed> }> {
  const shared = { underway: new Map(), ending: new Ending(), paid: new SeenAnswers() };
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
  let used: Used = { input: 0, output: 0, cost_usd: 0 };
  let unusable: Omit<Extract<AskOutcome<Parsed>, { ok: false }>, 'used'> | undefined;
  for (;;) {
    const found = await source.find(request, attempt, scope);
    if (!found.ok) {
      // A further attempt that nobody may answer, or that the server has no room for, leaves us with what we know already.
      const final = found.reason === 'not_recorded' || (doubled && attempt === 0 && found.reason === 'refused');
      return { ...(unusable !== undefined && final ? unusable : found), used };
    }
    const { answer, from } = found;
    used = withAnswer(used, found);
    if (answer.finish === 'content_filter') {
      return { ok: false, reason: 'refused', message: 'the answer was stopped by a content filter', answer, used };
    }
    if (answer.finish === 'length' && onTruncated === 'double') {
      const message = `the answer does not fit into ${request.sampling.max_tokens} tokens`;
      unusable = { ok: false, reason: 'truncated', message, answer };
      if (doubled) return { ...unusable, used };
      doubled = true;
      attempt = 0;
      request = { ...request, sampling: { ...request.sampling, max_tokens: request.sampling.max_tokens * 2 } };
      continue;
    }
    const parsed = parse(answer);
    if (parsed.ok) return { ok: true, answer, parsed: parsed.value, from, used };
    unusable = { ok: false, reason: 'unparsable', message: parsed.why, answer };
    if (attempt >= askAgain) return { ...unusable, used };
    attempt += 1;
  }
}

function withAnswer(used: Used, { answer, cost_usd }: Extract<Found, { ok: true }>): Used {
  const { input, output } = answer.tokens;
  return { input: used.input + input, output: used.output + output, cost_usd: used.cost_usd + cost_usd };
}
