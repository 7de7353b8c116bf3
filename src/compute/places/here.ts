import { stat } from 'node:fs/promises';
import { agentFolder } from './agent-files.js';
import { askAgent } from './agent-process.js';
import type { Place } from './place.js';

/**
 * This machine. A job is attached: it is told to stop when secpi is gone, so that nothing goes on computing on a laptop without anybody
 * knowing.
 *
 * @param python an interpreter, 3.9 or later; the agent needs nothing else.
 * @param env what a job may inherit.
 */
export function here(python: () => Promise<string>, env: Readonly<Record<string, string>>): Place {
  return {
    name: 'this machine',
    attached: true,
    isHere: true,
    bind: '127.0.0.1',
    folderOf: (job) => job.here,
    async *ask(command, request, signal) {
      yield* askAgent({
        argv: [await python(), '-I', agentFolder, command],
        env: { ...env, PATH: '/usr/local/bin:/usr/bin:/bin' },
        request,
        hold: command === 'start',
        signal,
      });
    },
    forward: async (address) => ({
      ...address,
      socketPath: undefined,
      complaint: async () => '',
      [Symbol.asyncDispose]: async () => undefined,
    }),
    bring: async (inputs) => inputs,
    async fetch({ path }) {
      await stat(path);
      return path;
    },
  };
}
