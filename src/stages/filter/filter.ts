import * as z from 'zod';
import { type Task, taskSchema } from '../../datasets/task.js';
import { operational } from '../../engine/operational.js';
import { defineStage } from '../../engine/stage.js';
import { type AskOutcome, type ChatRequest, samplingSchema } from '../../models/chat.js';
import type { Catalogue } from '../../security/catalogue.js';
import { classifyMessages, offeredEntries } from '../../security/prompts/classify-prompt.js';
import { promptsDigest } from '../../security/prompts/prompt-file.js';
import { parseVerdict, type Verdict } from '../../security/prompts/verdict.js';
import { count, TokenCount, Unanswered, usedSoFar, withoutAnswer } from '../asking.js';
import { estimateQuestions, requestsOf } from '../estimate.js';
import { occupiedModel } from '../occupied.js';
import type { SecpiStage, StageServices } from '../services.js';
import type { RejectedTask, RelevantTask } from './records.js';

export const filterParams = z.strictObject({
  /** Which of the recipe's `models` classifies. What it is enters the fingerprint, its name here does not. */
  by: operational(z.string().default('classifier')),
  /** Weakness groups of the catalogue to look for; default: all. */
  groups: z.array(z.string()).min(1).optional(),
  /** A verdict below this is not trusted. */
  min_confidence: z.number().min(0).max(1).default(0.5),
  /** Keeps at most this many tasks, in the order of the data, and asks about none behind the last of them. */
  max_tasks: z.number().int().positive().optional(),
  sampling: samplingSchema.extend({ max_tokens: samplingSchema.shape.max_tokens.unwrap().default(512) }).prefault({}),
});
export type FilterParams = z.infer<typeof filterParams>;
type Params = FilterParams;

/** The exact question about one task; recordings are addressed by its hash. */
export function classifyRequest(
  task: Pick<Task, 'prompt' | 'language'>,
  catalogue: Catalogue,
  params: Pick<Params, 'groups' | 'sampling'>,
): ChatRequest {
  return {
    messages: classifyMessages(task, catalogue, params.groups),
    sampling: params.sampling,
    format: 'json',
    sample: 0,
  };
}

/** Step 1 of SecPI: an LLM finds the tasks whose naive solution would plausibly be vulnerable. */
export const filter: SecpiStage<Params, 'tasks'> = defineStage<Params, 'tasks', StageServices>({
  name: 'filter',
  version: 2,
  params: filterParams,
  inputs: ['tasks'],
  reads: { tasks: ['tasks.jsonl'] },
  seeded: false,
  occupies: ({ by }) => [occupiedModel(by)],

  remarks({ counts, reasons }) {
    const { rows, why } = withoutAnswer(reasons);
    return rows === 0
      ? []
      : [
          `${rows} of ${counts.tasks} tasks got no verdict (${why}) and ${rows === 1 ? 'is' : 'are'} not kept: see rejected.jsonl`,
        ];
  },

  async pins({ params, services, files }) {
    return {
      classifier: await services.models.pin(params.by, files),
      catalogue: services.catalogueDigest,
      prompt: promptsDigest().classify,
    };
  },

  async estimate({ params, services, inputs }) {
    if (inputs.tasks === undefined) return {};
    await using model = await services.models.open(params.by);
    const tasks = inputs.tasks.rows('tasks.jsonl', taskSchema);
    const estimate = await estimateQuestions(
      model,
      requestsOf(tasks, (task) => classifyRequest(task, services.catalogue, params)),
    );
    if (params.max_tasks === undefined) return estimate;
    const stops = `at most: it stops with ${params.max_tasks} tasks`;
    return { ...estimate, note: estimate.note === undefined ? stops : `${stops}; ${estimate.note}` };
  },

  async run({ params, inputs, output, services, signal, emit }) {
    await using model = await services.models.open(params.by, (log) => emit({ type: 'log', ...log }));
    const unanswered = new Unanswered(params.by);
    const tokens = new TokenCount();
    const kept = await output.rows('kept.jsonl');
    const rejected = await output.rows('rejected.jsonl');
    const reasons: Record<string, number> = {};
    const total = inputs.tasks.manifest.counts.tasks;
    let asked = 0;
    let relevant = 0;

    const isKept = (task: Task, outcome: AskOutcome<Verdict>): boolean =>
      !('code' in decide(task, outcome, params, services));

    const outcomes = model.ask({
      rows: () => inputs.tasks.rows('tasks.jsonl', taskSchema),
      request: (task) => classifyRequest(task, services.catalogue, params),
      parse: (answer) => parseVerdict(answer.content, services.catalogue),
      until: params.max_tasks === undefined ? undefined : { rows: params.max_tasks, are: isKept },
      signal,
      onSettled: (done, used) => {
        const of = total === undefined ? {} : { total };
        emit({ type: 'progress', done, ...of, unit: 'tasks', ...usedSoFar(used) });
      },
    });
    for await (const { row: task, outcome } of outcomes) {
      asked += 1;
      tokens.add(outcome);
      if (!outcome.ok && unanswered.note(outcome.reason, outcome.message)) continue;
      const decision = decide(task, outcome, params, services);
      if ('code' in decision) {
        count(reasons, decision.code);
        await rejected.write(decision);
      } else {
        relevant += 1;
        await kept.write(decision);
      }
    }
    unanswered.check();
    const { rows: unjudged } = withoutAnswer(reasons);
    return {
      counts: {
        tasks: asked,
        kept: relevant,
        // By a verdict: nobody has said that the others are not relevant.
        rejected: asked - relevant - unjudged,
        ...(unjudged === 0 ? {} : { without_a_verdict: unjudged }),
        ...(relevant === params.max_tasks && total !== undefined && total > asked ? { not_asked: total - asked } : {}),
      },
      reasons,
      tokens: tokens.total,
      cost_usd: tokens.cost_usd,
    };
  },
});

/** What becomes of a task. */
export function decide(
  task: Task,
  outcome: AskOutcome<Verdict>,
  params: Params,
  services: Pick<StageServices, 'catalogue'>,
): RelevantTask | RejectedTask {
  if (!outcome.ok) {
    const code = outcome.reason as RejectedTask['code'];
    return { ...task, code, cwes: [], confidence: null, reason: outcome.message };
  }
  const { relevant, confidence, reason } = outcome.parsed;
  const offered = offeredEntries(task.language, services.catalogue, params.groups);
  const cwes = outcome.parsed.cwes.filter((id) => offered.has(id));
  // Not by a spread: Node 20 takes a microsecond and more for each property behind one, and there are millions of tasks.
  const reject = (code: RejectedTask['code']): RejectedTask =>
    Object.assign({}, task, { code, cwes, confidence, reason });
  if (!relevant) return reject('not_relevant');
  if (cwes.length === 0) return reject('unknown_cwes');
  if (confidence < params.min_confidence) return reject('low_confidence');
  return Object.assign({}, task, { cwes, confidence, reason });
}
