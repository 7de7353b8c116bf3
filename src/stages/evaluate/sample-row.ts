import type { AskOutcome, ChatAnswer, ChatMessage } from '../../models/chat.js';
import type { Judging } from '../../suites/judging/judging.js';
import type { Problem, Submission, Suite } from '../../suites/suite.js';
import type { ScoredSample } from './records.js';

/** What is known of a sample before it is judged. */
export interface Answered {
  readonly problem: Problem;
  readonly variant: string;
  readonly sample: number;
  readonly messages: readonly ChatMessage[];
  readonly finish: string;
  readonly reasoning: string | null;
  readonly answer: string;
  /** What is judged of it, where that is known; else it is taken out of the answer. */
  readonly submission?: Submission | undefined;
  /** The model gave none, for a reason of its own. */
  readonly refused: boolean;
  readonly tokens: ChatAnswer['tokens'];
}

/** A sample as a question to a model came back. */
export function answeredBy(
  outcome: AskOutcome<ChatAnswer>,
  question: Pick<Answered, 'problem' | 'variant' | 'sample' | 'messages'>,
): Answered {
  const answer = outcome.ok ? outcome.answer : undefined;
  return {
    ...question,
    finish: outcome.ok ? outcome.answer.finish : outcome.reason,
    reasoning: answer?.reasoning ?? null,
    answer: answer?.content ?? '',
    refused: answer === undefined,
    tokens: answer?.tokens ?? { input: 0, output: 0 },
  };
}

/** Finds what of an answer is to be judged, and judges it. */
export async function judgedRow(suite: Suite, judging: Judging, given: Answered): Promise<ScoredSample> {
  const { problem, variant, sample, messages, finish, reasoning, answer, tokens } = given;
  const submission = given.refused ? null : (given.submission ?? suite.extract(problem, answer));
  const { functional, security, cases, alone } = await judging.judge(problem, submission);
  return {
    schema: 2,
    suite: suite.name,
    variant,
    problem: problem.id,
    language: problem.language,
    cwes: [...problem.cwes],
    sample,
    messages: messages.map(({ role, content }) => ({ role, content })),
    finish,
    answered: answeredAs(given, submission),
    reasoning,
    answer,
    submission: submission === null ? null : { ...submission },
    code: submission === null ? null : textOf(submission),
    functional,
    security,
    cases: cases.map((one) => ({ ...one })),
    alone,
    forgeable: suite.forgeable(problem),
    tokens: { ...tokens },
  };
}

function answeredAs({ refused, finish, answer }: Answered, submission: Submission | null): ScoredSample['answered'] {
  if (refused) return 'refused';
  if (submission !== null) return 'code';
  return finish === 'length' && answer.trim() === '' ? 'no_answer' : 'no_code';
}

/** A submission as a person reads it. */
function textOf(submission: Submission): string {
  const files = Object.entries(submission);
  if (files.length === 1) return files[0]?.[1] ?? '';
  return files.map(([path, content]) => `${path}\n\n${content}`).join('\n');
}
