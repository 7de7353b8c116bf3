import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { SecpiError } from '../../../base/errors.js';
import { writeJsonAtomic } from '../../../base/files/atomic-file.js';
import { makeDirectory } from '../../../base/files/durable-directory.js';
import { ifThere, readIfThere } from '../../../base/files/if-there.js';
import { dataProblem } from '../../../base/zod-message.js';

const recordSchema = z.object({
  schema: z.literal(1),
  /** Our name for it, which the server is told with it. */
  batch: z.string().regex(/^[0-9A-Z]{26}$/),
  /** Where it was handed in. */
  endpoint: z.string(),
  /** The server's name for the file of questions. From here on there may be a batch there, whether or not we were told. */
  file: z.string().optional(),
  /** The server's name for the batch. */
  id: z.string().optional(),
  /** When `file` was written down. */
  since: z.iso.datetime().optional(),
  /** Hashes of its requests, with the characters of their prompts. */
  questions: z.record(z.string().regex(/^[0-9a-f]{64}$/), z.number().int().min(0)),
});

/** What is known of a batch whose answers are not all in the store yet. */
export type BatchRecord = z.infer<typeof recordSchema>;

const RECORD = '.json';

/**
 * The batches of one model that are not over: a file each, beside its answers. Whoever sends or collects one holds its lock; a batch whose
 * owner died is anybody's. Questions are put into a new one under a lock of the whole folder, so that no two batches hold the same.
 */
export class BatchFolder {
  readonly #folder: string;

  constructor(answersOfModel: string) {
    this.#folder = join(answersOfModel, 'batches');
  }

  /** Held while questions are shared out. */
  get sharingLock(): string {
    return join(this.#folder, 'sharing.lock');
  }

  lockOf({ batch }: Pick<BatchRecord, 'batch'>): string {
    return join(this.#folder, `${batch}.lock`);
  }

  pathOf({ batch }: Pick<BatchRecord, 'batch'>): string {
    return join(this.#folder, `${batch}${RECORD}`);
  }

  /** All of them, oldest first. Throws `models/bad-batch` for a file that is none. */
  async records(): Promise<readonly BatchRecord[]> {
    const names = ((await ifThere(readdir(this.#folder))) ?? []).filter((name) => name.endsWith(RECORD)).sort();
    const records: BatchRecord[] = [];
    for (const name of names) {
      const record = await this.read({ batch: name.slice(0, -RECORD.length) });
      if (record !== undefined) records.push(record);
    }
    return records;
  }

  /** It as it is now; `undefined` when it is over. */
  async read(batch: Pick<BatchRecord, 'batch'>): Promise<BatchRecord | undefined> {
    const path = this.pathOf(batch);
    const text = await readIfThere(path);
    if (text === undefined) return undefined;
    try {
      return recordSchema.parse(JSON.parse(text));
    } catch (cause) {
      throw new SecpiError('models/bad-batch', `${path} says nothing of a batch: ${dataProblem(cause)}`, {
        hint: 'If no batch of that time is left at the server, delete the file: its questions are asked again then.',
        cause,
      });
    }
  }

  /** It is on the disk when this resolves. */
  async write(record: BatchRecord): Promise<void> {
    await makeDirectory(this.#folder);
    await writeJsonAtomic(this.pathOf(record), record);
  }

  async remove(batch: Pick<BatchRecord, 'batch'>): Promise<void> {
    await rm(this.pathOf(batch), { force: true });
  }
}
