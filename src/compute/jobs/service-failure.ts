import { join } from 'node:path';
import * as z from 'zod';
import { SecpiError } from '../../base/errors.js';
import type { Redactor } from '../../base/redact.js';
import type { Place } from '../places/place.js';
import { JobFailure } from './run-job.js';
import { ServiceNotReady } from './service.js';

export interface FailedService {
  /** For messages: `server of model "teacher"`. */
  readonly name: string;
  readonly place: Place;
  readonly startTimeoutSeconds: number;
  /** What to do when that was not enough. */
  readonly slowHint: string;
  readonly codes: { readonly notReady: string; readonly died: string };
  readonly redact: Redactor;
}

/** What a person is told of a service that does not serve; any other error as it is. */
export function serviceFailure(
  error: unknown,
  { name, place, startTimeoutSeconds, slowHint, codes, redact }: FailedService,
): Error {
  if (error instanceof ServiceNotReady) {
    const said = error.tail === '' ? 'it said nothing' : `the last it said: ${redact(error.tail)}`;
    const way = error.complaint === '' ? '' : `; the way to it: ${redact(error.complaint)}`;
    return new SecpiError(codes.notReady, `The ${name} was not ready within ${startTimeoutSeconds} s; ${said}${way}`, {
      hint: slowHint,
    });
  }
  if (!(error instanceof JobFailure)) return error as Error;
  const said = saidBy(error);
  return new SecpiError(codes.died, `The ${name} ended (${howOf(error)}): ${redact(said.message)}`, {
    hint: said.hint ?? `Its whole log: the newest log.txt below ${join(error.folder, 'attempts')} on ${place.name}.`,
  });
}

/** What our own programs leave when they fail. */
const resultSchema = z.looseObject({ message: z.string(), hint: z.string().optional() });

const SIGNALS: Readonly<Record<number, string>> = { 134: 'SIGABRT', 137: 'SIGKILL', 139: 'SIGSEGV', 143: 'SIGTERM' };

function howOf({ exit }: JobFailure): string {
  if (exit === undefined) return 'it was killed together with what watched it';
  if (exit.outcome === 'stopped') return 'it was stopped from outside';
  if (exit.code === undefined) return exit.error?.code ?? exit.outcome;
  return SIGNALS[exit.code] ?? `exit code ${exit.code}`;
}

/** Its own words, if it had time for any. */
function saidBy({ exit, tail }: JobFailure): { readonly message: string; readonly hint?: string | undefined } {
  const result = exit?.step === undefined ? undefined : exit.results[exit.step];
  const said = resultSchema.safeParse(result).data ?? exit?.error;
  return said ?? { message: tail === '' ? 'it said nothing' : tail };
}
