import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { writeJsonAtomic } from '../../base/files/atomic-file.js';
import type { Redactor } from '../../base/redact.js';
import { type ModelServer, startModelServer } from './model-server.js';

export interface ServeFolderOptions {
  /** For messages. */
  readonly name: string;
  /** A full model: weights, tokenizer, chat template. */
  readonly folder: string;
  /** What requests call it: letters, digits, `-`, `_`, `.`. */
  readonly servedName: string;
  /** Where job, log and ready file go; created if need be. */
  readonly work: string;
  /** The Python that has the trainers' packages. */
  readonly python: string;
  /** The whole environment of the server. */
  readonly env: Readonly<Record<string, string>>;
  readonly device?: 'cpu' | 'cuda' | 'auto';
  readonly threads?: number;
  readonly startTimeoutSeconds: number;
  readonly redact: Redactor;
  readonly signal: AbortSignal;
}

const resultSchema = z.looseObject({ outcome: z.string(), message: z.string().optional() });

/** Serves a model folder with `python -m secpi_trainers serve`, which runs the server of `transformers` (see trainers/README.md). */
export async function serveFolder(options: ServeFolderOptions): Promise<ModelServer> {
  const { work, device = 'auto', threads } = options;
  await mkdir(work, { recursive: true });
  const jobFile = join(work, 'job.json');
  const resultFile = join(work, 'result.json');
  await rm(resultFile, { force: true });
  await writeJsonAtomic(jobFile, {
    schema: 1,
    work,
    model: options.folder,
    served_name: options.servedName,
    device,
    lifeline: true,
    ...(threads === undefined ? {} : { threads }),
  });
  return startModelServer({
    name: options.name,
    argv: [options.python, '-m', 'secpi_trainers', 'serve', '--job', jobFile],
    env: options.env,
    work,
    logFile: join(work, 'log.txt'),
    ready: { file: join(work, 'ready.json') },
    startTimeoutSeconds: options.startTimeoutSeconds,
    redact: options.redact,
    signal: options.signal,
    explain: async () => {
      try {
        return resultSchema.parse(JSON.parse(await readFile(resultFile, 'utf8'))).message;
      } catch {
        return undefined;
      }
    },
  });
}
