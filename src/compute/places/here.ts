import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../base/package-root.js';
import { askAgent } from './agent-process.js';
import type { Place } from './place.js';

/** The agent's code, in our own package. */
const agentFolder = join(packageRoot, 'agent', 'secpi_agent');

/**
 * This machine. A job is attached: it is told to stop when secpi is gone, so that nothing goes on computing on a laptop without anybody
 * knowing.
 *
 * @param python an interpreter, 3.9 or later; the agent needs nothing else.
 */
export function here(python: () => Promise<string>): Place {
  return {
    name: 'this machine',
    attached: true,
    folderOf: (job) => job.here,
    async *ask(command, request, signal) {
      yield* askAgent({
        argv: [await python(), '-I', agentFolder, command],
        env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
        request,
        hold: command === 'start',
        signal,
      });
    },
    bring: async (inputs) => inputs,
    async fetch({ path }) {
      await stat(path);
      return path;
    },
  };
}
