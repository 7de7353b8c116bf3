import type { FileHandle } from 'node:fs/promises';
import { atPath } from './system-code.js';

interface GroupCommitOptions<Item> {
  /** Opened for appending, and closed by `close`. */
  readonly handle: FileHandle;
  /** For error messages. */
  readonly path: string;
  /** The bytes of all items that go out together, in their order. Called again only when the call before is done. */
  readonly encode: (items: readonly Item[]) => string | Uint8Array | Promise<Uint8Array>;
  /** Called when what was encoded last is in the file, before the `append`s of its items resolve. */
  readonly onCommitted?: () => void;
  /** Without it an `append` resolves after the write, without fsync: that outlives kill -9, but not a power cut. */
  readonly durable: boolean;
}

/**
 * Group commit: while one write and fsync are under way, new items gather; they go out together with the next. So a lone
 * writer waits for one fsync and a thousand writers share one. After a failed write nothing more is accepted, because the
 * file may end in half an item.
 */
export class GroupCommit<Item> {
  readonly #options: GroupCommitOptions<Item>;
  #gathering: { readonly items: Item[]; done: Promise<void> } | undefined;
  #last: Promise<void> = Promise.resolve();
  #failure: unknown;
  #closing: Promise<void> | undefined;

  constructor(options: GroupCommitOptions<Item>) {
    this.#options = options;
  }

  /** Resolves once the item is on the disk. Items stand in the file in the order of these calls. */
  async append(item: Item): Promise<void> {
    if (this.#closing !== undefined) throw new Error('append after close');
    if (this.#gathering !== undefined) {
      this.#gathering.items.push(item);
      return this.#gathering.done;
    }
    const batch = { items: [item], done: this.#last };
    this.#gathering = batch;
    const previous = this.#last.catch(() => undefined);
    batch.done = previous.then(async () => {
      this.#gathering = undefined;
      await this.#flush(batch.items);
    });
    this.#last = batch.done;
    return batch.done;
  }

  async #flush(items: readonly Item[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const { handle, path, encode, onCommitted, durable } = this.#options;
    try {
      await handle.appendFile(await encode(items));
      if (durable) await handle.datasync();
      onCommitted?.();
    } catch (error) {
      this.#failure = atPath(error, path);
      throw this.#failure;
    }
  }

  /** Waits for everything appended so far, then closes the file. Safe to call twice. */
  close(): Promise<void> {
    this.#closing ??= this.#last.catch(() => undefined).then(() => this.#options.handle.close());
    return this.#closing;
  }
}
