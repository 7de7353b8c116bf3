import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashAll } from '../../../src/compute/places/manifest.js';
import { sshPlace } from '../../../src/compute/places/ssh.js';
import { askMany, openServed } from '../../support/ask-served.js';
import { processesNaming } from '../../support/processes.js';
import { hasSlurm, type SlurmCluster, slurmCluster } from '../../support/slurm-cluster.js';
import { hasSshServer, type SshServer, sshServer } from '../../support/ssh-server.js';
import { gone, type StandIn, standIn, standInServer } from '../../support/stand-in-server.js';

const never = new AbortController().signal;
const env = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' };

describe.skipIf(!hasSlurm || !hasSshServer)('a model server on a node of a cluster', () => {
  let cluster: SlurmCluster;
  let ssh: SshServer;
  let at: StandIn;
  beforeAll(async () => {
    cluster = await slurmCluster();
    ssh = await sshServer({ variables: { SLURM_CONF: cluster.conf } });
    at = await standIn();
  });
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
    await ssh[Symbol.asyncDispose]();
    await at[Symbol.asyncDispose]();
  });

  it('is reached through the login node', async () => {
    const queue = { flags: ['--partition=low'], requeues: 3 };
    const root = `${ssh.home}/secpi`;
    const connection = { host: 'far', config: ssh.config, env, root, python: 'python3' };
    const place = sshPlace({ ...connection, queue, spareGib: 0, hashFiles: hashAll });
    {
      await using server = standInServer(at, { place });
      await using model = await openServed(at.stateDir, server);
      const { outcomes, expected } = await askMany(model, 3);
      expect(outcomes).toEqual(expected);
      const { apiKey } = await server.connect(never);
      expect(processesNaming(apiKey)).toEqual([]);
    }
    for (const { pid } of await at.starts()) await gone(pid);
  });
});
