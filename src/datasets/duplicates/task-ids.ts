import { doubled } from '../../base/doubled.js';

const firstIds = 1024;
const prefix = 'task-';

/**
 * The ids of tasks, in the order in which they came, by open addressing in typed arrays: 16 to 24 bytes an id. A JavaScript `Set` of them takes four
 * times that and ends at 2^24.
 */
export class TaskIds {
  /** The two halves of each id's 64 bits. */
  #high = new Uint32Array(firstIds);
  #low = new Uint32Array(firstIds);
  /** Number of the id that stands here, counting from 1; 0 where none does. At most half full. */
  #slots = new Uint32Array(2 * firstIds);
  #size = 0;

  /** Adds an id (`task-` and 16 hex digits); false when it is there already. */
  add(id: string): boolean {
    const [high, low] = halvesOf(id);
    const slot = this.#slotOf(high, low);
    if (this.#slots[slot] !== 0) return false;
    this.#high[this.#size] = high;
    this.#low[this.#size] = low;
    this.#size += 1;
    this.#slots[slot] = this.#size;
    if (this.#size === this.#high.length) this.#grow();
    return true;
  }

  has(id: string): boolean {
    return this.#slots[this.#slotOf(...halvesOf(id))] !== 0;
  }

  /** The id that was added after so many others. */
  at(number: number): string {
    return [this.#high, this.#low].reduce((id, half) => id + (half[number] ?? 0).toString(16).padStart(8, '0'), prefix);
  }

  /** Where the id stands, or the free place where it would. */
  #slotOf(high: number, low: number): number {
    const mask = this.#slots.length - 1;
    // Ids are hashes: their bits need no further mixing.
    let slot = low & mask;
    for (let number = this.#slots[slot] ?? 0; number !== 0; number = this.#slots[slot] ?? 0) {
      if (this.#low[number - 1] === low && this.#high[number - 1] === high) break;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #grow(): void {
    this.#high = doubled(this.#high);
    this.#low = doubled(this.#low);
    this.#slots = new Uint32Array(2 * this.#high.length);
    for (let number = 0; number < this.#size; number += 1)
      this.#slots[this.#slotOf(this.#high[number] ?? 0, this.#low[number] ?? 0)] = number + 1;
  }
}

function halvesOf(id: string): readonly [number, number] {
  const from = prefix.length;
  return [Number.parseInt(id.slice(from, from + 8), 16), Number.parseInt(id.slice(from + 8, from + 16), 16)];
}
