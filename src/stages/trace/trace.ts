import * as z from 'zod';
import { sha256Json } from '../../base/hash.js';
import { operational } from '../../engine/operational.js';
import { defineStage } from '../../engine/stage.js';
import { type ChatAnswer, type ChatRequest, samplingSchema } from '../../models/chat.js';
import type { Catalogue } from '../../security/catalogue.js';
import { promptsDigest } from '../../security/prompts/prompt-file.js';
import { plainMessages, reminderMessages, traceMessages } from '../../security/prompts/trace-prompt.js';
import { count, TokenCount, Unanswered, usedSoFar } from '../asking.js';
import { estimateQuestions, requestsOf } from '../estimate.js';
import { type RelevantTask, relevantTaskSchema } from '../filter/records.js';
import { occupiedModel } from '../occupied.js';
import { repeatedTraces } from '../repeated-samples.js';
import type { SecpiStage, StageServices } from '../services.js';
import { type MissingTrace, TRACES, type Trace } from './records.js';

export const traceParams = z.strictObject({
  /** Which of the recipe's `models` is the teacher. */
  by: operational(z.string().default('teacher')),
  /**
   * What the teacher is told besides the task: `security`, the weaknesses that matter in it and what prevents them; `reminder`, to write
   * secure code; `none`, nothing. The last two are for comparison, with `curate.profile: shape`.
   */
  prompt: z.enum(['security', 'reminder', 'none']).default('security'),
  /** Traces per task. */
  samples: z.number().int().positive().max(64).default(1),
  sampling: samplingSchema.prefault({}),
});
type Params = z.infer<typeof traceParams>;

/** The exact question to the teacher; recordings are addressed by its hash. */
export function traceRequest(
  task: Pick<RelevantTask, 'prompt' | 'language' | 'cwes'>,
  sample: number,
  catalogue: Catalogue,
  params: Pick<Params, 'prompt' | 'sampling'>,
): ChatRequest {
  return {
    messages: messagesOf(task, catalogue, params.prompt),
    sampling: params.sampling,
    format: 'text',
    sample,
  };
}

function messagesOf(
  task: Pick<RelevantTask, 'prompt' | 'language' | 'cwes'>,
  catalogue: Catalogue,
  prompt: Params['prompt'],
): ChatRequest['messages'] {
  if (prompt === 'none') return plainMessages(task);
  return prompt === 'reminder' ? reminderMessages(task) : traceMessages(task, task.cwes, catalogue).messages;
}

interface Question {
  readonly task: RelevantTask;
  readonly sample: number;
}

/** Step 2 of SecPI: a teacher, told which weaknesses matter and how to prevent them, reasons and answers. */
export const trace: SecpiStage<Params, 'tasks'> = defineStage<Params, 'tasks', StageServices>({
  name: 'trace',
  version: 3,
  params: traceParams,
  inputs: ['tasks'],
  reads: { tasks: ['kept.jsonl'] },
  seeded: false,
  occupies: ({ by }) => [occupiedModel(by)],

  async pins({ params, services, files }) {
    return {
      teacher: await services.models.pin(params.by, files),
      catalogue: services.catalogueDigest,
      prompt: params.prompt === 'none' ? null : promptsDigest()[params.prompt === 'reminder' ? 'reminder' : 'trace'],
    };
  },

  async estimate({ params, services, inputs }) {
    if (inputs.tasks === undefined) return {};
    await using model = await services.models.open(params.by);
    const questions = questionsOf(inputs.tasks.rows('kept.jsonl', relevantTaskSchema), params.samples);
    return estimateQuestions(
      model,
      requestsOf(questions, ({ task, sample }) => traceRequest(task, sample, services.catalogue, params)),
    );
  },

  async run({ params, inputs, output, services, signal, emit }) {
    await using model = await services.models.open(params.by, (log) => emit({ type: 'log', ...log }));
    for (const message of repeatedTraces(params)) emit({ type: 'log', level: 'warn', message });
    const unanswered = new Unanswered(params.by);
    const tokens = new TokenCount();
    const traces = await output.rows(TRACES);
    const missing = await output.rows('missing.jsonl');
    const reasons: Record<string, number> = {};
    const total = (inputs.tasks.manifest.counts.kept ?? 0) * params.samples;
    const counts = { questions: 0, traces: 0, missing: 0 };

    const outcomes = model.ask({
      rows: () => questionsOf(inputs.tasks.rows('kept.jsonl', relevantTaskSchema), params.samples),
      request: ({ task, sample }) => traceRequest(task, sample, services.catalogue, params),
      parse: (answer) => ({ ok: true, value: answer }),
      signal,
      onSettled: (done, used) => emit({ type: 'progress', done, total, unit: 'traces', ...usedSoFar(used) }),
    });
    for await (const { row, outcome } of outcomes) {
      counts.questions += 1;
      tokens.add(outcome);
      if (outcome.ok) {
        counts.traces += 1;
        await traces.write(traceOf(row, outcome.answer));
      } else if (!unanswered.note(outcome.reason, outcome.message)) {
        counts.missing += 1;
        count(reasons, outcome.reason);
        const { task, sample } = row;
        const code = outcome.reason as MissingTrace['code'];
        await missing.write({
          schema: 1,
          task_id: task.id,
          language: task.language,
          cwes: task.cwes,
          sample,
          code,
          reason: outcome.message,
        } satisfies MissingTrace);
      }
    }
    unanswered.check();
    return {
      counts,
      reasons,
      tokens: tokens.total,
      cost_usd: tokens.cost_usd,
    };
  },
});

async function* questionsOf(tasks: AsyncIterable<RelevantTask>, samples: number): AsyncIterable<Question> {
  for await (const task of tasks) for (let sample = 0; sample < samples; sample += 1) yield { task, sample };
}

function traceOf({ task, sample }: Question, answer: ChatAnswer): Trace {
  const { reasoning, content, finish, tokens } = answer;
  const id = `trace-${sha256Json({ task: task.id, sample, reasoning, content }).slice(0, 16)}`;
  return { schema: 1, id, task, sample, reasoning, answer: content, finish, tokens };
}
