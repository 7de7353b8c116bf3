import type * as z from 'zod';
import type { AskOutcome, ChatAnswer } from '../../models/chat.js';
import type { Model } from '../../models/model.js';
import type { Judging } from '../../suites/judging/judging.js';
import type { Problem, Submission, Suite } from '../../suites/suite.js';
import { Unanswered } from '../asking.js';
import type { StageContextOf } from '../services.js';
import type { evaluateParams } from './evaluate.js';
import { type ScoredSample, scoredSampleSchema, type Variant } from './records.js';

type Context = StageContextOf<z.infer<typeof evaluateParams>, Variant>;

/** Asks and scores one variant on one suite, in the order of the problems. What was scored before a crash is not scored again. */
export async function* scoreVariant(
  context: Context,
  suite: Suite,
  variant: Variant,
  model: Model,
  judging: Judging,
): AsyncIterable<ScoredSample> {
  const { params, signal, work } = context;
  const keyOf = (problem: string, sample: number) => `${problem}#${sample}`;
  const log = await work.log(`scored-${suite.name}-${variant}.jsonl`, {
    schema: scoredSampleSchema,
    key: (row) => keyOf(row.problem, row.sample),
  });
  const unanswered = new Unanswered(`target (${variant})`);
  const samples = params.suites[suite.name]?.samples ?? 1;
  const questions = suite.problems.flatMap((problem) =>
    Array.from({ length: samples }, (_, sample) => ({ problem, sample })),
  );
  const answers = model.ask({
    rows: questions,
    request: ({ problem, sample }) => ({
      messages: suite.ask(problem),
      sampling: params.sampling,
      format: 'text',
      sample,
    }),
    parse: (answer) => ({ ok: true, value: answer }),
    // How much room the answer has is part of what is measured.
    onTruncated: 'keep',
    signal,
  });
  // Scoring runs ahead of its turn, so that the sandbox works while the model still answers; the order stays that of the problems.
  const running: Promise<ScoredSample>[] = [];
  try {
    for await (const { row, outcome } of answers) {
      if (!outcome.ok && unanswered.note(outcome.reason, outcome.message)) continue;
      const scoring = scoredBefore(row.problem, row.sample).then(
        (earlier) => earlier ?? score(row.problem, row.sample, outcome).then(keep),
      );
      // It is awaited below, but may fail while the next answer is still being waited for.
      scoring.catch(() => undefined);
      running.push(scoring);
      if (running.length >= params.score_concurrency) yield await (running.shift() as Promise<ScoredSample>);
    }
    for (const sample of running) yield await sample;
  } finally {
    // Whatever ended the loop: no code may still run in the sandbox when the stage is over.
    await Promise.allSettled(running);
    await log.close();
  }
  unanswered.check();

  async function scoredBefore(problem: Problem, sample: number): Promise<ScoredSample | undefined> {
    return log.get(keyOf(problem.id, sample));
  }

  async function keep(sample: ScoredSample): Promise<ScoredSample> {
    await log.append(sample);
    return sample;
  }

  async function score(problem: Problem, sample: number, outcome: AskOutcome<ChatAnswer>): Promise<ScoredSample> {
    const answer = outcome.ok ? outcome.answer : undefined;
    const submission = answer === undefined ? null : suite.extract(problem, answer.content);
    const result = await judging.judge(problem, submission);
    return {
      schema: 1,
      suite: suite.name,
      variant,
      problem: problem.id,
      language: problem.language,
      cwes: [...problem.cwes],
      sample,
      finish: outcome.ok ? outcome.answer.finish : outcome.reason,
      reasoning: answer?.reasoning ?? null,
      answer: answer?.content ?? '',
      code: submission === null ? null : textOf(submission),
      functional: result.functional,
      security: result.security,
      cases: result.cases.map((one) => ({ ...one })),
      tokens: answer?.tokens ?? { input: 0, output: 0 },
    };
  }
}

/** A submission as a person reads it. */
function textOf(submission: Submission): string {
  const files = Object.entries(submission);
  if (files.length === 1) return files[0]?.[1] ?? '';
  return files.map(([path, content]) => `${path}\n\n${content}`).join('\n');
}
