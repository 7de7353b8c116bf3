import { execFileSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere } from '../../src/base/files/if-there.js';
import { hasPodman } from './container-image.js';
import { pythonForTests } from './python.js';
import { hasSlurm, slurmCluster } from './slurm-cluster.js';
import { hasSshServer, sshServer } from './ssh-server.js';

/** Whether each kind of target can be had here. */
export const hasAllTargets = hasSlurm && hasPodman && hasSshServer && pythonForTests !== undefined;

/** The kinds, and what programs run in there. */
export const allTargets = ['local', 'ssh', 'slurm', 'slurm over ssh'].flatMap((kind) =>
  (kind === 'slurm over ssh' ? ['host'] : ['host', 'podman']).map((runtime) => ({
    name: `${kind}/${runtime}`,
    kind: kind as keyof ReturnType<TargetMachines['specs']>,
    isInside: runtime === 'podman',
  })),
);

/** A cluster and a host that is its login node, both this machine. */
export type TargetMachines = Awaited<ReturnType<typeof targetMachines>>;

/** `variables` are set for whoever comes to the host over ssh. */
export async function targetMachines(variables: Readonly<Record<string, string>> = {}) {
  const cluster = await slurmCluster();
  const server = await sshServer({ variables: { SLURM_CONF: cluster.conf, ...variables } });
  const python = pythonForTests ?? { python: '', folder: '' };
  const far = { host: 'far', root: join(server.home, 'secpi'), python: python.python };
  return {
    /** Names of what lies under way on that host. */
    jobsThere: async (): Promise<readonly string[]> => (await ifThere(readdir(join(far.root, 'jobs')))) ?? [],
    /** How many jobs of the cluster run. */
    jobsInQueue: (): number =>
      execFileSync('squeue', ['--noheader', '--states=RUNNING'], {
        env: { ...process.env, SLURM_CONF: cluster.conf },
        encoding: 'utf8',
      })
        .split('\n')
        .filter((line) => line !== '').length,
    /** A target of each kind, with these settings of a machine. */
    specs: (machine: object = {}) => ({
      local: { local: machine },
      ssh: { ssh: { ...machine, ...far } },
      slurm: { slurm: { ...machine, partition: 'low', minutes: 30 } },
      'slurm over ssh': { slurm: { ...machine, ...far, minutes: 30 } },
    }),
    means: {
      python: async () => python,
      variables: {
        ...process.env,
        SLURM_CONF: cluster.conf,
        SECPI_SSH_CONFIG: server.config,
        SECPI_CONTAINER_MOUNTS: '/',
      },
    },
    async [Symbol.asyncDispose]() {
      await cluster[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}
