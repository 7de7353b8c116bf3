import { NearDuplicates } from '../../../datasets/duplicates/near-duplicates.js';
import { TaskIds } from '../../../datasets/duplicates/task-ids.js';
import { taskId } from '../../../datasets/task.js';
import type { DroppedMixRow, Sample } from '../records.js';

/** The tasks of the samples that a mix comes beside: none of its rows shall be about one of them, with an answer that nobody has looked at for security. */
export class OwnTasks {
  /** By their texts alone: the same task in another dataset may have its language from elsewhere. */
  readonly #texts = new TaskIds();
  readonly #near: NearDuplicates | undefined;
  /** Of those that are among `#near`, in their order. */
  readonly #ids = new TaskIds();

  /** `nearDuplicates`: Jaccard similarity from which two tasks count as the same; `false`: only equal texts do. */
  constructor(nearDuplicates: number | false) {
    this.#near = nearDuplicates === false ? undefined : new NearDuplicates(nearDuplicates);
  }

  add({ prompt, task_id }: Pick<Sample, 'prompt' | 'task_id'>): void {
    this.#texts.add(taskId(prompt, ''));
    if (this.#near !== undefined && this.#near.add(prompt) === undefined) this.#ids.add(task_id);
  }

  /** Why a row with this task is not taken. */
  objectionTo(prompt: string): Pick<DroppedMixRow, 'code' | 'detail'> | undefined {
    if (this.#texts.has(taskId(prompt, '')))
      return { code: 'duplicate', detail: 'its task is that of a sample that is no mix' };
    const near = this.#near?.find(prompt);
    if (near === undefined) return undefined;
    const detail = `its task is ${near.similarity.toFixed(2)} like ${this.#ids.at(near.of)}, of which there is a sample that is no mix`;
    return { code: 'near_duplicate', detail };
  }
}
