import { hashAll } from '../../src/compute/places/manifest.js';
import { sshPlace } from '../../src/compute/places/ssh.js';
import { sandboxPlan } from '../../src/scoring/sandbox-plan.js';
import { servedSandbox } from '../../src/scoring/served-sandbox.js';

export interface SandboxOverSsh {
  /** Of ssh. */
  readonly config: string;
  /** Where everything lies there. */
  readonly root: string;
  readonly stateDir: string;
  readonly leaseSeconds?: number;
}

/** The sandbox of the host that is reached as `far`. */
export function sandboxOverSsh({ config, root, stateDir, leaseSeconds = 120 }: SandboxOverSsh, signal: AbortSignal) {
  const { spec, keyVariable } = sandboxPlan({ node: process.execPath, path: undefined, container: null });
  const env = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' };
  const far = { host: 'far', queue: null, spareGib: 0, hashFiles: hashAll, python: 'python3', env, config, root };
  return servedSandbox(
    {
      digest: 'sandbox',
      place: sshPlace(far),
      plan: async () => ({ keyVariable, spec: { ...spec, serves: { leaseSeconds } } }),
      stateDir,
      redact: (text) => text,
      onNote: () => undefined,
    },
    signal,
  );
}
