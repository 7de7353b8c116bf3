import { type Task, taskId } from '../../../datasets/task.js';
import type { StageEstimate } from '../../../engine/stage.js';
import type { ModelLog, OpenModel } from '../../../models/open-model.js';
import type { ProbeTask } from '../../../security/probing/probe-tasks.js';
import { parseVerdict } from '../../../security/prompts/verdict.js';
import { Unanswered } from '../../asking.js';
import { estimateQuestions, requestsOf } from '../../estimate.js';
import type { StageServices } from '../../services.js';
import { classifyRequest, decide, type FilterParams } from '../filter.js';
import { expectationOf } from './expectation.js';
import type { ProbedTask } from './probe-figures.js';

export interface Probing {
  /** The recipe's `filter`. */
  readonly params: FilterParams;
  readonly services: Pick<StageServices, 'models' | 'catalogue'>;
  readonly tasks: readonly ProbeTask[];
}

/** What a recipe's classifier makes of labelled tasks, asked as the stage `filter` asks: the same questions, answer store, pace and budget. */
export class Probe implements AsyncDisposable {
  readonly #probing: Probing;
  readonly #model: OpenModel;

  private constructor(probing: Probing, model: OpenModel) {
    this.#probing = probing;
    this.#model = model;
  }

  static async open(probing: Probing, onLog?: (log: ModelLog) => void): Promise<Probe> {
    return new Probe(probing, await probing.services.models.open(probing.params.by, onLog));
  }

  /** What the classifier is, as its answers are kept under. */
  get identity(): string {
    return this.#model.identity;
  }

  get spent(): OpenModel['spent'] {
    return this.#model.spent;
  }

  /** Asks nothing. */
  estimate(): Promise<StageEstimate> {
    const { params, services, tasks } = this.#probing;
    return estimateQuestions(
      this.#model,
      requestsOf(rowsOf(tasks), ({ task }) => classifyRequest(task, services.catalogue, params)),
    );
  }

  /**
   * Throws `models/unanswered` when a question has no answer: figures of a part would be taken for those of the whole. What was answered is
   * kept, and asked again for nothing.
   */
  async run(signal: AbortSignal, onSettled: (done: number) => void): Promise<readonly ProbedTask[]> {
    const { params, services, tasks } = this.#probing;
    const unanswered = new Unanswered(params.by);
    const probed: ProbedTask[] = [];
    const outcomes = this.#model.ask({
      rows: rowsOf(tasks),
      request: ({ task }) => classifyRequest(task, services.catalogue, params),
      parse: (answer) => parseVerdict(answer.content, services.catalogue),
      signal,
      onSettled,
    });
    for await (const { row, outcome } of outcomes) {
      if (!outcome.ok && unanswered.note(outcome.reason, outcome.message)) continue;
      const decision = decide(row.task, outcome, params, services);
      const { id, heldOut } = row.labelled;
      probed.push({
        id,
        heldOut,
        expected: expectationOf(row.labelled, services.catalogue, params.groups),
        code: 'code' in decision ? decision.code : 'kept',
        named: decision.cwes,
        confidence: decision.confidence,
        reason: decision.reason,
      });
    }
    unanswered.check();
    return probed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#model[Symbol.asyncDispose]();
  }
}

interface ProbeRow {
  readonly task: Task;
  readonly labelled: ProbeTask;
}

async function* rowsOf(tasks: readonly ProbeTask[]): AsyncGenerator<ProbeRow> {
  for (const [index, labelled] of tasks.entries()) {
    const { prompt, language } = labelled;
    const id = taskId(prompt, language);
    yield { task: { schema: 1, id, prompt, language, source: 'probe', row: index + 1, licence: null }, labelled };
  }
}
