import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { firstRecord, scalarsRecord } from '../../base/files/tensorboard-file.js';
import type { JournalEvent } from './event.js';

/** The folder inside a run's that `tensorboard --logdir` takes; that of all runs will do as well. */
const CURVES = 'tensorboard';

/** Writes what stages measure step by step for TensorBoard, one file a stage, while the run goes on. */
export class Curves {
  readonly #folder: string;
  readonly #files = new Map<string, string>();
  #written: Promise<void> = Promise.resolve();

  /** `folder` is the run's. Nothing is made there until something is measured. */
  constructor(folder: string) {
    this.#folder = join(folder, CURVES);
  }

  /** Never throws, and writes in the background: curves are a courtesy, and the journal has all that is in them. */
  add(event: JournalEvent): void {
    if (event.type !== 'metric') return;
    const values = Object.fromEntries(
      Object.entries(event.values).filter((entry): entry is [string, number] => entry[1] !== null),
    );
    if (Object.keys(values).length === 0) return;
    const seconds = Date.parse(event.time) / 1000;
    this.#written = this.#written
      .then(() => this.#append(event.stage, seconds, scalarsRecord(seconds, event.step, values)))
      .catch(() => undefined);
  }

  /** Waits for what was added. */
  close(): Promise<void> {
    return this.#written;
  }

  async #append(stage: string, seconds: number, record: Buffer): Promise<void> {
    const known = this.#files.get(stage);
    if (known !== undefined) return appendFile(known, record);
    // TensorBoard knows its files by this name, and reads those of a folder in the order of their times.
    const file = join(this.#folder, stage, `events.out.tfevents.${Math.floor(seconds)}.secpi`);
    await mkdir(join(this.#folder, stage), { recursive: true });
    await appendFile(file, Buffer.concat([firstRecord(seconds), record]));
    this.#files.set(stage, file);
  }
}
