import type { StageEstimate } from '../../../engine/stage.js';
import type { ModelLog, OpenModel } from '../../../models/open-model.js';
import type { Catalogue } from '../../../security/catalogue.js';
import { type LabelledText, labelledTexts } from '../../../security/probing/labelled-texts.js';
import type { JudgedText } from '../../../security/prompts/judge-prompt.js';
import { parseJudgement } from '../../../security/prompts/judgement.js';
import { Unanswered } from '../../asking.js';
import { estimateQuestions, requestsOf } from '../../estimate.js';
import type { StageServices } from '../../services.js';
import { type FilterFigures, figuresByPart } from '../measure-filters.js';
import { judgeRequest, verdictOf } from './judge.js';
import type { JudgeParams } from './params.js';

/** The labelled texts that speak of what a judge drops for, and what it has to drop them for. */
const LABELLED_FOR = { leaks: 'leak', depth: 'depth' } as const;

interface Probing {
  /** The recipe's `curate.judge`. */
  readonly params: JudgeParams;
  readonly services: Pick<StageServices, 'models'>;
  /** The one that the texts are labelled with: secpi's own. */
  readonly catalogue: Catalogue;
}

/** What a recipe's judge makes of labelled texts, asked as the stage `curate` asks; also about what a filter would have dropped before it. */
export class JudgeProbe implements AsyncDisposable {
  readonly #probing: Probing;
  readonly #model: OpenModel;
  readonly #rows: readonly Row[];

  private constructor(probing: Probing, model: OpenModel) {
    this.#probing = probing;
    this.#model = model;
    this.#rows = LISTS.flatMap((list) => labelledTexts(list, probing.catalogue).map((text) => ({ list, text })));
  }

  static async open(probing: Probing, onLog?: (log: ModelLog) => void): Promise<JudgeProbe> {
    return new JudgeProbe(probing, await probing.services.models.open(probing.params.by, onLog));
  }

  /** How many questions there are. */
  get questions(): number {
    return this.#rows.length;
  }

  /** What the judge is, as its answers are kept under. */
  get identity(): string {
    return this.#model.identity;
  }

  get spent(): OpenModel['spent'] {
    return this.#model.spent;
  }

  /** Asks nothing. */
  estimate(): Promise<StageEstimate> {
    return estimateQuestions(this.#model, requestsOf(each(this.#rows), this.#request));
  }

  /** Throws `models/unanswered` when a question has no answer: figures of a part would be taken for those of the whole. */
  async run(signal: AbortSignal, onSettled: (done: number) => void): Promise<readonly FilterFigures[]> {
    const unanswered = new Unanswered(this.#probing.params.by);
    const judged = { leaks: [] as Judged[], depth: [] as Judged[] };
    const outcomes = this.#model.ask({
      rows: this.#rows,
      request: this.#request,
      parse: ({ content }) => parseJudgement(content),
      signal,
      onSettled,
    });
    for await (const { row, outcome } of outcomes) {
      if (!outcome.ok && unanswered.note(outcome.reason, outcome.message)) continue;
      const verdict = verdictOf(outcome.ok ? outcome.parsed : null, [LABELLED_FOR[row.list]]);
      judged[row.list].push({ text: row.text, verdict });
    }
    unanswered.check();
    return LISTS.flatMap((list) => figuresByPart(`judge, ${list}`, judged[list]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#model[Symbol.asyncDispose]();
  }

  readonly #request = ({ text }: Row) =>
    judgeRequest(judgedTextOf(text), this.#probing.catalogue, this.#probing.params);
}

const LISTS = ['leaks', 'depth'] as const;

interface Row {
  readonly list: keyof typeof LABELLED_FOR;
  readonly text: LabelledText;
}

type Judged = Parameters<typeof figuresByPart>[1][number];

async function* each<T>(rows: readonly T[]): AsyncGenerator<T> {
  yield* rows;
}

/** A labelled text is reasoning, without an answer behind it. */
function judgedTextOf({ text, prompt, language, cwes }: LabelledText): JudgedText {
  return { task: { prompt, language, cwes }, reasoning: text, answer: '' };
}
