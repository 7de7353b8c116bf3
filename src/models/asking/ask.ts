import type { Sha256 } from '../../base/hash.js';
import type { AskOutcome, ChatAnswer, ChatRequest, Used } from '../chat.js';
import type { AskOptions } from '../model.js';
import type { AnswerSource, AskScope, Found } from './answer-source.js';
import { corrected } from './correction.js';
import { Ending } from './ending.js';
import { Enough } from './enough.js';
import { orderedWindow, type Shelf } from './ordered-window.js';
import { SeenAnswers } from './seen-answers.js';
import type { Usefulness } from './usefulness.js';

const DEFAULT_ASK_AGAIN = 2;

/** Asks all rows' questions of one source, `window` at a time; see `Model.ask`. */
export async function* askAll<Row, Parsed>(
  source: AnswerSource,
  window: number,
  usefulness: Usefulness,
  options: AskOptions<Row, Parsed>,
): AsyncGenerator<{ readonly row: Row; readonly outcome: AskOutcome<Parsed> }> {
  const { rows, signal, until } = options;
  const shared = { underway: new Map(), ending: new Ending(), paid: new SeenAnswers(), usefulness };
  const enough = until === undefined ? undefined : new Enough(until.rows);
  let done = 0;
  let used = NOTHING;
  const work = async (row: Row, signal: AbortSignal): Promise<AskOutcome<Parsed>> => {
    const outcome = await askOne(source, options.request(row), options, { signal, ...shared });
    const useless = usefulness.settled(outcome);
    if (useless !== undefined) return shared.ending.end(useless, signal);
    done += 1;
    enough?.settled(until?.are(row, outcome) === true);
    used = sumOf(used, outcome.used);
    options.onSettled?.(done, used);
    return outcome;
  };
  const shelf: Shelf<Row, AskOutcome<Parsed>, Aside> = {
    keyOf: asideOf,
    find: async (aside, row, signal) => {
      const answer = aside.answer === undefined ? undefined : await source.kept(aside.answer);
      const outcome = outcomeOf(aside, answer, options);
      // Somebody has taken the answer off the disk meanwhile.
      return outcome ?? askOne(source, options.request(row), options, { ...shared, signal });
    },
  };
  const room = enough && (() => enough.room);
  let wanted = until?.rows ?? Number.POSITIVE_INFINITY;
  if (wanted <= 0) return;
  for await (const { row, result } of orderedWindow({ rows, window, signal, work, shelf, room })) {
    yield { row, outcome: result };
    if (until?.are(row, result) === true) wanted -= 1;
    if (wanted <= 0) return;
  }
}

/** What is left of an outcome whose row waits for its turn: its answer is on the disk. */
type Aside = { readonly answer: Sha256 | undefined } & (
  | Pick<Extract<AskOutcome<unknown>, { ok: true }>, 'ok' | 'from' | 'used'>
  | Pick<Extract<AskOutcome<unknown>, { ok: false }>, 'ok' | 'reason' | 'message' | 'used'>
);

function asideOf(outcome: AskOutcome<unknown>): Aside {
  const answer = outcome.answer?.request;
  const { used } = outcome;
  if (outcome.ok) return { ok: true, answer, from: outcome.from, used };
  return { ok: false, answer, reason: outcome.reason, message: outcome.message, used };
}

/** The outcome as it was; `undefined` when its answer is not there any more. */
function outcomeOf<Parsed>(
  { answer: wanted, ...aside }: Aside,
  answer: ChatAnswer | undefined,
  { parse }: Pick<AskOptions<never, Parsed>, 'parse'>,
): AskOutcome<Parsed> | undefined {
  if (wanted !== undefined && answer === undefined) return undefined;
  if (!aside.ok) return answer === undefined ? aside : { ...aside, answer };
  const parsed = answer && parse(answer);
  return parsed?.ok === true && answer !== undefined ? { ...aside, answer, parsed: parsed.value } : undefined;
}

/** One question to its end: asked again while the answer is unusable, and once with more room when it was cut off. */
async function askOne<Row, Parsed>(
  source: AnswerSource,
  question: ChatRequest,
  { parse, askAgain = DEFAULT_ASK_AGAIN, onTruncated = 'double' }: AskOptions<Row, Parsed>,
  scope: AskScope & { readonly usefulness: Usefulness },
): Promise<AskOutcome<Parsed>> {
  let request = question;
  let doubled = false;
  let corrections = 0;
  let used = NOTHING;
  let unusable: Omit<Extract<AskOutcome<Parsed>, { ok: false }>, 'used'> | undefined;
  for (;;) {
    const found = await source.find(request, scope);
    if (!found.ok) {
      // A further question that nobody may answer, or that the server does not take, leaves us with what we know already.
      const final = found.reason === 'not_recorded' || found.reason === 'refused';
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
      if (from === 'server') scope.usefulness.askedAgain(message);
      request = { ...request, sampling: { ...request.sampling, max_tokens: request.sampling.max_tokens * 2 } };
      continue;
    }
    const parsed = parse(answer);
    if (parsed.ok) return { ok: true, answer, parsed: parsed.value, from, used };
    unusable = { ok: false, reason: 'unparsable', message: parsed.why, answer };
    if (corrections >= askAgain) return { ...unusable, used };
    corrections += 1;
    if (from === 'server') scope.usefulness.askedAgain(parsed.why);
    request = corrected(request, answer, parsed.why);
  }
}

const NOTHING: Used = { input: 0, output: 0, cost_usd: 0 };

function withAnswer(used: Used, { answer, cost_usd }: Extract<Found, { ok: true }>): Used {
  return sumOf(used, { ...answer.tokens, cost_usd });
}

function sumOf(one: Used, other: Used): Used {
  return {
    input: one.input + other.input,
    output: one.output + other.output,
    cost_usd: one.cost_usd + other.cost_usd,
  };
}
