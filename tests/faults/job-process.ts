/**
 * Runs the counted job of `counted-job.ts` and kills itself at a point: `job-process.ts FOLDER PLACE POINT SPEC`, PLACE and SPEC in JSON. Points are changes of
 * the disk, questions to the agent, and lines of its answers. POINT is a
 * number, or one by its name. Prints them all when it is not killed.
 */

import type { JobSpec } from '../../src/compute/jobs/job.js';
import { type JobPlace, runCounted, watchedPlace } from '../support/counted-job.js';
import { watchFaults } from '../support/fault-points.js';

const [folder = '', place = '', point = '0', spec = ''] = process.argv.slice(2);
const points: string[] = [];
const reached = (what: string): void => {
  points.push(what);
  if (points.length === Number(point) || what === point) process.kill(process.pid, 'SIGKILL');
};
using _watch = await watchFaults(({ call, path }) => {
  if (path.startsWith(folder)) reached(`${call} ${path.slice(folder.length)}`);
  return 'none';
});
await runCounted(folder, watchedPlace(JSON.parse(place) as JobPlace, reached), { spec: JSON.parse(spec) as JobSpec });
process.stdout.write(`${JSON.stringify(points)}\n`);
