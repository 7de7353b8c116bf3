import { expect, it } from 'vitest';
import { exitSchema } from '../../../src/compute/jobs/job.js';
import { savedBy } from '../../../src/compute/jobs/saved-by.js';

it.each([
  [{ outcome: 'stopped', code: 75, checkpointed: 12 }, 'saved at step 12'],
  [{ outcome: 'stopped', code: 75, checkpointed: null }, 'there was nothing to save yet'],
  [{ outcome: 'stopped', code: 137, checkpointed: null }, expect.stringContaining('could not save in the time')],
  [
    { outcome: 'stopped', code: 143, checkpointed: null },
    'ended before it could save: what it saved before is gone on with',
  ],
  // A service, and what an older agent wrote.
  [{ outcome: 'stopped', code: 0 }, undefined],
  [{ outcome: 'failed', code: 75, checkpointed: 12 }, undefined],
])('tells what became of the work: %j', (exit, said) => {
  expect(savedBy(exitSchema.parse({ schema: 1, ...exit }))).toEqual(said);
});
