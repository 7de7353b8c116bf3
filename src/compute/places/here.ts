import { stat } from 'node:fs/promises';
import { type BringHere, bringNothing } from '../bytes-source.js';
import { THIS_CLUSTER, THIS_MACHINE } from '../target.js';
import { agentFolder } from './agent-files.js';
import { askAgent } from './agent-process.js';
import type { Place, Queue } from './place.js';

export interface HereOptions {
  /** An interpreter, 3.9 or later; the agent needs nothing else. */
  readonly python: () => Promise<string>;
  /** What a job may inherit. */
  readonly env: Readonly<Record<string, string>>;
  /** This machine is a login node of a cluster, and this is how jobs are submitted. */
  readonly queue: Queue | null;
  readonly bringHere?: BringHere | undefined;
}

/**
 * This machine. A job is attached: it is told to stop when secpi is gone, so that nothing goes on computing on a laptop without anybody
 * knowing. One that a cluster's queue starts is not: it runs on another machine, which sees the same disk.
 */
export function here({ python, env, queue, bringHere = bringNothing }: HereOptions): Place {
  return {
    name: queue === null ? THIS_MACHINE : THIS_CLUSTER,
    queue,
    attached: queue === null,
    isHere: true,
    bind: queue === null ? '127.0.0.1' : '0.0.0.0',
    folderOf: (job) => job.here,
    async *ask(command, request, signal) {
      yield* askAgent({
        argv: [await python(), '-I', agentFolder, command],
        env: { ...env, PATH: '/usr/local/bin:/usr/bin:/bin' },
        request,
        hold: command === 'start' && queue === null,
        signal,
      });
    },
    forward: async (address) => ({
      ...address,
      socketPath: undefined,
      complaint: async () => '',
      [Symbol.asyncDispose]: async () => undefined,
    }),
    async bring(inputs, signal, onNote = () => undefined) {
      const paths: Record<string, string> = {};
      for (const [name, input] of Object.entries(inputs))
        paths[name] = typeof input === 'string' ? input : await bringHere(input, signal, onNote);
      return paths;
    },
    store: undefined,
    async fetch({ path }) {
      await stat(path);
      return path;
    },
  };
}
