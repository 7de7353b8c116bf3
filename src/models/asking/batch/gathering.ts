import type { Sha256 } from '../../../base/hash.js';

/** A question on its way into a batch. */
export interface Gathered {
  readonly request: Sha256;
  /** Of its prompt. */
  readonly characters: number;
  /** As it stands in the file. */
  readonly line: string;
}

export interface BatchLimits {
  /** Of one batch. */
  readonly requests: number;
  readonly bytes: number;
}

/** Questions that are in no batch yet, in the order in which they came. */
export class Gathering {
  readonly #questions = new Map<Sha256, Gathered & { readonly bytes: number }>();
  #bytes = 0;

  get size(): number {
    return this.#questions.size;
  }

  add(question: Gathered): void {
    this.remove(question.request);
    const bytes = Buffer.byteLength(question.line);
    this.#questions.set(question.request, { ...question, bytes });
    this.#bytes += bytes;
  }

  remove(request: Sha256): void {
    this.#bytes -= this.#questions.get(request)?.bytes ?? 0;
    this.#questions.delete(request);
  }

  /** Whether they make a whole batch. */
  fills({ requests, bytes }: BatchLimits): boolean {
    return this.#questions.size >= requests || this.#bytes >= bytes;
  }

  /** Takes out as many as fit into a batch, and one at least: whether that is too large is for the server to say. */
  take({ requests, bytes }: BatchLimits): readonly Gathered[] {
    const taken: Gathered[] = [];
    let size = 0;
    for (const question of this.#questions.values()) {
      const isTooMuch = taken.length >= requests || size + question.bytes > bytes;
      if (isTooMuch && taken.length > 0) break;
      taken.push(question);
      size += question.bytes;
    }
    for (const { request } of taken) this.remove(request);
    return taken;
  }
}
