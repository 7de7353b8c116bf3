import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Command } from './measured.js';

export interface Trial {
  /** Where the questions lie, and where everything that is made may stay until the second run. */
  readonly folder: string;
  readonly endpoint: string;
  readonly concurrency: number;
}

/** Something that asks a model many questions. */
export interface Contender {
  readonly name: string;
  /** Installs what it needs. Throws where that cannot be done. */
  prepare?(): Promise<void>;
  command(trial: Trial): Promise<Command>;
  /** What it has in the end: the number of a question, and a text that holds the answer. */
  answers(trial: Trial): AsyncIterable<readonly [number, string]>;
}

/** Those of a contender that writes `answers.jsonl` with `id` and `content`. */
export async function* writtenAnswers({ folder }: Trial): AsyncIterable<readonly [number, string]> {
  for await (const { id, content } of rowsOf(join(folder, 'answers.jsonl'))) yield [Number(id), String(content)];
}

/** The rows of a file of JSON Lines; none where there is no file. A last line that was cut off is none. */
export async function* rowsOf(path: string): AsyncIterable<Readonly<Record<string, unknown>>> {
  try {
    for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
      if (line.endsWith('}')) yield JSON.parse(line) as Record<string, unknown>;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
