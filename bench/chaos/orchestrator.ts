/**
 * Runs the job of `chaos-job.ts` to its end, or goes on with it: `orchestrator.ts FOLDER HEARD PLACE [IMAGE]`, PLACE in JSON, the secret in
 * CHAOS_TOKEN. Each line that the job reports is in the file HEARD as soon as it is heard; how it ended is printed.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { SecpiError } from '../../src/base/errors.js';
import { JobFailure, runJob } from '../../src/compute/jobs/run-job.js';
import { type JobPlace, watchedPlace } from '../../tests/support/counted-job.js';
import { chaosJob, keyOf } from './chaos-job.js';

export interface Told {
  readonly outcome: 'done' | 'failed' | 'error';
  /** Why, when it is not done. */
  readonly why: string;
  /** Where the output is. */
  readonly made: string;
}

const [folder = '', heard = '', place = '', image] = process.argv.slice(2);

const told = await runJob(watchedPlace(JSON.parse(place) as JobPlace), chaosJob(folder, image), {
  key: keyOf(folder),
  folder: join(folder, 'home'),
  signal: new AbortController().signal,
  onEvent: (line) => appendFileSync(heard, `${line}\n`),
  onNote: (note) => process.stderr.write(`${note}\n`),
  secrets: { TOKEN: process.env.CHAOS_TOKEN ?? '' },
}).then(
  ({ outputs }): Told => ({ outcome: 'done', why: '', made: outputs.made ?? '' }),
  (error: unknown): Told => {
    if (error instanceof JobFailure) {
      const { exit } = error;
      const why = exit === undefined ? 'lost' : (exit.error?.code ?? `${exit.outcome} ${exit.code ?? ''}`);
      return { outcome: 'failed', why, made: '' };
    }
    if (error instanceof SecpiError) return { outcome: 'error', why: `${error.code}: ${error.message}`, made: '' };
    throw error;
  },
);
process.stdout.write(`${JSON.stringify(told)}\n`);
