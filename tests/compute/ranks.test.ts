import { describe, expect, it } from 'vitest';
import { openTarget } from '../../src/compute/open-target.js';
import type { Place } from '../../src/compute/places/place.js';
import { ranksArguments, ranksOf } from '../../src/compute/ranks.js';
import { targetSchema } from '../../src/compute/target.js';
import { trainerTarget } from '../../src/compute/trainer-target.js';
import { temporaryFolder } from '../support/temporary-folder.js';

describe('the processes that share a training', () => {
  it.each([
    ['one GPU unless said otherwise', { ssh: { host: 'h', python: 'p' } }, 1, 1],
    ['one for each GPU of a host', { ssh: { host: 'h', python: 'p', gpus: 8 } }, 8, 1],
    ['one for each GPU of each node', { slurm: { gpus: 4, nodes: 2 } }, 4, 2],
    ['one for each node of a cluster without GPUs', { slurm: { device: 'cpu', nodes: 2 } }, 1, 2],
    ['one on a CPU, however many GPUs there are', { local: { device: 'cpu', gpus: 8 } }, 1, 1],
  ])('are %s', (_, target, perNode, nodes) => {
    expect(ranksOf(targetSchema.parse(target))).toEqual({ perNode, nodes });
  });

  it('are started by what the trainers know', () => {
    expect(ranksArguments({ perNode: 1, nodes: 1 })).toEqual([]);
    expect(ranksArguments({ perNode: 8, nodes: 1 })).toEqual(['--ranks', '8']);
    expect(ranksArguments({ perNode: 8, nodes: 2 }).join(' ')).toBe(
      '--ranks 8 --nodes {nodes} --node {node} --meet {master}:{master_port}',
    );
  });

  it('are part of what decides the bytes of a training, and of nothing else', async () => {
    const spec = targetSchema.parse({ slurm: { gpus: 4, nodes: 2 } });
    const target = openTarget(spec, { python: () => Promise.reject(), variables: {} });
    expect(await target.environment({ trains: true })).toMatchObject({ processes: 8 });
    expect(await target.environment()).not.toHaveProperty('processes');
  });

  it.each([
    ['train', 'many nodes'],
    ['push', 'one node'],
    ['tiny', 'one node'],
  ] as const)('have the nodes of a training to themselves: %s is submitted for %s', async (command, where) => {
    await using home = await temporaryFolder();
    const place = (name: string) =>
      new Proxy({} as Place, {
        get: () => {
          throw new Error(`asked for ${name}`);
        },
      });
    const target = trainerTarget(
      { usual: place('one node'), training: place('many nodes') },
      {
        python: async () => 'python3',
        device: 'cpu',
        threads: 1,
        container: undefined,
        ranks: { perNode: 1, nodes: 2 },
        peakTflops: undefined,
        secrets: () => ({}),
      },
    );
    const job = { commands: [{ command, fields: {} }], inputs: {}, outputs: [], folder: home.path };
    const signal = new AbortController().signal;
    await expect(target.runTrainer(job, { signal, onEvent: () => undefined })).rejects.toThrow(`asked for ${where}`);
  });

  it('are in no containers on several nodes', () => {
    const container = { engine: 'podman', image: `sha256:${'0'.repeat(64)}` };
    expect(targetSchema.safeParse({ slurm: { nodes: 2 }, container }).error?.issues).toMatchObject([
      { path: ['slurm', 'nodes'], message: expect.stringContaining('container') },
    ]);
    expect(targetSchema.safeParse({ slurm: { nodes: 1 }, container }).success).toBe(true);
  });
});
