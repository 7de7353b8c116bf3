import type { JobExit } from './job.js';

/** What a program that was told to stop exits with when it has done so by itself. */
const STOPPED = 75;
/** SIGKILL: it was still there when its time was up. */
const KILLED = 137;

/** What has become of the work of a program that was told to stop; undefined where nothing is known of it. */
export function savedBy({ outcome, code, checkpointed }: JobExit): string | undefined {
  if (outcome !== 'stopped' || checkpointed === undefined) return undefined;
  if (checkpointed !== null) return `saved at step ${checkpointed}`;
  if (code === STOPPED) return 'there was nothing to save yet';
  // Whoever is told to stop while its libraries are still being loaded ends at once.
  const why = code === KILLED ? 'could not save in the time that it had, and was killed' : 'ended before it could save';
  return `${why}: what it saved before is gone on with`;
}
