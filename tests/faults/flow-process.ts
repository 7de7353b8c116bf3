/**
 * A process of its own that runs the flow: `flow-process.ts ROOT SIDE_FILE KILL AT`. It kills itself at the AT-th point at which it would
 * change the disk, `before` it or when half of it is written (`torn`); with AT 0 it runs to its end and prints the points.
 */
import { writeSync } from 'node:fs';
import { watchFaults } from '../support/fault-points.js';
import { runFlow } from './flow.js';

const [root = '', sideFile = '', kill = 'before', at = '0'] = process.argv.slice(2);
// As if every file were old enough for its hash to be remembered: that is written too, then.
const now = Date.now;
Date.now = () => now() + 60_000;

const fault = { kill: kill === 'torn' ? 'torn' : 'before' } as const;
const watch = await watchFaults(({ number, path }) => (number === Number(at) && path !== sideFile ? fault : 'none'));
const { exitCode } = await runFlow({ root, sideFile });
if (at === '0') writeSync(1, JSON.stringify(watch.points));
process.exitCode = exitCode;
