import type { Sha256 } from '../base/hash.js';
import { keptName } from './wire.js';

/** Contents by their hash, the least recently used ones gone first. Whoever misses one sends it again. */
export class RecentContents {
  readonly #most: number;
  readonly #contents = new Map<Sha256, Uint8Array>();
  #bytes = 0;

  constructor(mostBytes: number) {
    this.#most = mostBytes;
  }

  keep(content: Uint8Array): void {
    const name = keptName(content);
    if (name === undefined || this.get(name) !== undefined) return;
    this.#contents.set(name, content);
    this.#bytes += content.byteLength;
    for (const [oldest, { byteLength }] of this.#contents) {
      if (this.#bytes <= this.#most) return;
      this.#contents.delete(oldest);
      this.#bytes -= byteLength;
    }
  }

  get(name: Sha256): Uint8Array | undefined {
    const content = this.#contents.get(name);
    if (content === undefined) return undefined;
    this.#contents.delete(name);
    this.#contents.set(name, content);
    return content;
  }
}
