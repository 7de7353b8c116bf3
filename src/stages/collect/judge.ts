import { isDenied } from '../../datasets/columns/licence.js';
import { NearDuplicates } from '../../datasets/duplicates/near-duplicates.js';
import { TaskIds } from '../../datasets/duplicates/task-ids.js';
import type { Task } from '../../datasets/task.js';
import type { SuiteTexts } from '../decontamination.js';
import type { DroppedRow } from './records.js';

export interface JudgeOptions {
  readonly near_duplicates: number | false;
  readonly languages?: readonly string[] | undefined;
  readonly deny_licences: readonly string[];
  readonly contamination: SuiteTexts;
}

/** Why a task is dropped, as `dropped.jsonl` has it. */
export type Reason = Pick<DroppedRow, 'code' | 'detail' | 'kept' | 'similarity'>;

/** Decides what a task is next to those before it. */
export class Judge {
  readonly #options: JudgeOptions;
  readonly #languages: ReadonlySet<string> | undefined;
  /** Of the tasks that were kept. */
  readonly #ids = new TaskIds();
  readonly #near: NearDuplicates | undefined;

  constructor(options: JudgeOptions) {
    this.#options = options;
    this.#languages = options.languages && new Set(options.languages);
    this.#near = options.near_duplicates === false ? undefined : new NearDuplicates(options.near_duplicates);
  }

  /** Why the task is dropped; `undefined` when it is kept. */
  reasonToDrop({ id, prompt, language, licence }: Task): Reason | undefined {
    const { contamination, deny_licences } = this.#options;
    if (this.#languages?.has(language) === false)
      return reason('other_language', `${language} is not among collect.languages`);
    if (isDenied(licence, deny_licences))
      return reason('denied_licence', `${licence ?? 'no licence'} is among collect.deny_licences`);
    if (this.#ids.has(id)) return { code: 'exact_duplicate', detail: `same as ${id}`, kept: id, similarity: 1 };
    const hit = contamination.inTask(prompt);
    if (hit !== undefined) return reason('contaminated', `shares "${hit.words}" with ${hit.reference}`);
    const near = this.#near?.add(prompt);
    if (near !== undefined) {
      const kept = this.#ids.at(near.of);
      const similarity = Number(near.similarity.toFixed(4));
      return { code: 'near_duplicate', detail: `${near.similarity.toFixed(2)} like ${kept}`, kept, similarity };
    }
    // After the other, so that both count the same tasks.
    this.#ids.add(id);
    return undefined;
  }
}

function reason(code: Reason['code'], detail: string): Reason {
  return { code, detail, kept: null, similarity: null };
}
