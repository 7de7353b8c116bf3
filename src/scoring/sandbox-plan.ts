import { join } from 'node:path';
import { packageRoot } from '../base/package-root.js';
import type { JobContainer } from '../compute/jobs/job.js';
import type { ServicePlan } from '../compute/jobs/keyed-service.js';

/** Filled in by the build: the server of the same build, which a later one leaves there. Nothing where the sources are run. */
declare const SERVE_SANDBOX: string | undefined;

/** The server, bundled into one file: `src/cli/serve-sandbox.ts`. */
const serverFile = join(packageRoot, 'dist', typeof SERVE_SANDBOX === 'string' ? SERVE_SANDBOX : 'serve-sandbox.mjs');

/** With no word of ours for so long it ends by itself. */
const leaseSeconds = 120;
/** It has nothing to save. */
const graceSeconds = 10;

export interface SandboxPlanOptions {
  /** Node, where it runs. */
  readonly node: string;
  /** Where compilers are looked for; undefined: where it is the machine's own affair. */
  readonly path: string | undefined;
  readonly container: JobContainer | null;
}

/** A sandbox as a job that serves it. */
export function sandboxPlan({ node, path, container }: SandboxPlanOptions): ServicePlan {
  const result = '{work}/result.json';
  return {
    keyVariable: 'SECPI_API_KEY',
    spec: {
      steps: [
        {
          name: 'score',
          launch: 'one',
          argv: [node, '{in:server}', '{host}', '{port}', result],
          env: {},
          documents: {},
          result,
        },
      ],
      env: path === undefined ? {} : { PATH: path },
      inherit: ['PATH', 'HOME', 'LANG', 'TMPDIR', 'XDG_CACHE_HOME', 'SECPI_CACHE'],
      inputs: { server: serverFile },
      outputs: [],
      container: container === null ? null : { ...container, gpus: false, sandboxes: true },
      graceSeconds,
      serves: { leaseSeconds },
    },
  };
}
