import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { type Sha256, sha256File } from '../hash.js';
import { writeJsonAtomic } from './atomic-file.js';
import { makeDirectory } from './durable-directory.js';

const memoSchema = z.object({ schema: z.literal(2), files: z.record(z.string(), z.string()) });

/**
 * Clocks of file systems tick in milliseconds, some in seconds: a file changed this recently could be written to again without
 * its change time moving, so what is read from it before then is not remembered.
 */
const SETTLED_AFTER_MS = 2000;

/** Which content a file had when it was looked at: as long as this is the same, nobody has written to it. */
export interface FileStamp {
  /** Inode, size and both times. Not the device: its number changes when a disk is mounted again. */
  readonly identity: string;
  readonly bytes: number;
  readonly changedAtMs: number;
}

/** Throws the file system's error; follows links. */
export async function stampOf(path: string): Promise<FileStamp> {
  const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return {
    identity: [ino, size, mtimeNs, ctimeNs].join(':'),
    bytes: Number(size),
    changedAtMs: Number(ctimeNs / 1_000_000n),
  };
}

/** How long until what is read from the file can be remembered, in milliseconds; 0 when it can. */
function settlesInMs({ changedAtMs }: FileStamp): number {
  const age = Date.now() - changedAtMs;
  // A change time in the future belongs to another clock, and says nothing until ours has passed it.
  return Math.max(0, Math.min(SETTLED_AFTER_MS, SETTLED_AFTER_MS - age));
}

/** Waits (two seconds at most) until a file that was just written can be hashed for good. Throws the signal's reason. */
export async function settled(path: string, signal: AbortSignal): Promise<void> {
  const wait = settlesInMs(await stampOf(path));
  // One more, because Node's timers may come up to a millisecond early.
  if (wait > 0) await sleep(wait + 1, undefined, { signal }).catch(() => signal.throwIfAborted());
}

/**
 * Hashes of the files below one place, kept in a small file: hashing 65 GB on every run would make "cached" slow. A memory only:
 * where it cannot be read or written, files are hashed again.
 */
export class HashMemo {
  readonly #known: Map<string, string>;
  #news = false;

  private constructor(known: Readonly<Record<string, string>>) {
    this.#known = new Map(Object.entries(known));
  }

  /** One that knows nothing yet. */
  static fresh(): HashMemo {
    return new HashMemo({});
  }

  static async open(path: string): Promise<HashMemo> {
    try {
      return new HashMemo(memoSchema.parse(JSON.parse(await readFile(path, 'utf8'))).files);
    } catch {
      return HashMemo.fresh();
    }
  }

  /** SHA-256 of the file at `path`, known here as `name`, and what the file was when it was looked at. */
  async hash(name: string, path: string, signal: AbortSignal): Promise<FileStamp & { readonly sha256: Sha256 }> {
    const stamp = await stampOf(path);
    const known = this.#known.get(name);
    if (known?.startsWith(`${stamp.identity}:`) === true) {
      return { ...stamp, sha256: known.slice(stamp.identity.length + 1) as Sha256 };
    }
    const remember = settlesInMs(stamp) === 0;
    const sha256 = await sha256File(path, signal);
    if (remember && (await stampOf(path)).identity === stamp.identity) {
      this.#known.set(name, `${stamp.identity}:${sha256}`);
      this.#news = true;
    }
    return { ...stamp, sha256 };
  }

  /** Keeps what is new. Never fails. */
  async save(path: string): Promise<void> {
    if (!this.#news) return;
    this.#news = false;
    try {
      await makeDirectory(dirname(path));
      await writeJsonAtomic(path, { schema: 2, files: Object.fromEntries(this.#known) });
    } catch {
      // The next one hashes again: slower, and right.
    }
  }
}
