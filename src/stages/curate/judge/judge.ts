import type { ChatRequest, Used } from '../../../models/chat.js';
import type { OpenModel } from '../../../models/open-model.js';
import type { Catalogue } from '../../../security/catalogue.js';
import { type JudgedText, judgeMessages } from '../../../security/prompts/judge-prompt.js';
import { type Judgement, parseJudgement } from '../../../security/prompts/judgement.js';
import { TokenCount, Unanswered } from '../../asking.js';
import type { Trace } from '../../trace/records.js';
import type { Verdict } from '../filters/filter.js';
import type { JudgedTrace } from '../records.js';
import type { JudgeParams } from './params.js';

/** The exact question about one trace; its answer is kept under the question's hash. */
export function judgeRequest(
  text: JudgedText,
  catalogue: Catalogue,
  { sampling }: Pick<JudgeParams, 'sampling'>,
): ChatRequest {
  return { messages: judgeMessages(text, catalogue), sampling, format: 'json', sample: 0 };
}

/** What a judgement means for the trace; `null`: the judge gave no usable one. */
export function verdictOf(judgement: Judgement | null, drops: JudgeParams['drops']): Verdict {
  if (judgement === null) return 'unverified';
  const { told, told_because, thought_through, thought_because } = judgement;
  if (told && drops.includes('leak')) return { code: 'judged_leak', detail: told_because };
  if (!thought_through && drops.includes('depth')) return { code: 'judged_shallow', detail: thought_because };
  return 'pass';
}

interface Judging {
  readonly model: OpenModel;
  readonly params: JudgeParams;
  readonly catalogue: Catalogue;
  /** Read again where that saves memory. */
  readonly traces: () => AsyncIterable<Trace>;
  readonly signal: AbortSignal;
  readonly onSettled: (done: number, used: Used) => void;
  /** Gets the judgements, in the order of the traces. */
  readonly keep: (judged: JudgedTrace) => Promise<void>;
}

/**
 * Asks about each trace. One that gets no usable answer is kept and says why. Throws `models/unanswered` when the server was away for some: what
 * was answered is kept, and asked again for nothing.
 */
export async function judgeTraces({
  model,
  params,
  catalogue,
  traces,
  signal,
  onSettled,
  keep,
}: Judging): Promise<TokenCount> {
  const unanswered = new Unanswered(params.by);
  const tokens = new TokenCount();
  const outcomes = model.ask({
    rows: traces,
    request: (trace) => judgeRequest(trace, catalogue, params),
    parse: ({ content }) => parseJudgement(content),
    signal,
    onSettled,
  });
  for await (const { row: trace, outcome } of outcomes) {
    tokens.add(outcome);
    const common = { schema: 1, trace_id: trace.id, task_id: trace.task.id } as const;
    if (outcome.ok) await keep({ ...common, judgement: outcome.parsed, unusable: null });
    else if (!unanswered.note(outcome.reason, outcome.message))
      await keep({ ...common, judgement: null, unusable: `${outcome.reason}: ${outcome.message}` });
  }
  unanswered.check();
  return tokens;
}
