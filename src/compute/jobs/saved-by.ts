import type { JobExit } from './job.js';

/** What a program that was told to stop exits with when it has done so by itself. */
const STOPPED = 75;

/** What has become of the work of a program that was told to stop; undefined where nothing is known of it. */
export function savedBy({ outcome, code, checkpointed }: JobExit): string | undefined {
  if (outcome !== 'stopped' || checkpointed === undefined) return undefined;
  if (checkpointed !== null) return `saved at step ${checkpointed}`;
  return code === STOPPED
    ? 'there was nothing to save yet'
    : 'could not save in the time that it had, and was killed: what it saved before is gone on with';
}
