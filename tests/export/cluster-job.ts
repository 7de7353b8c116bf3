import type { ClusterJob } from '../../src/export/cluster-job.js';

/** A job as the command line makes them, and what a test wants otherwise. */
export function clusterJob(more: Partial<ClusterJob> = {}): ClusterJob {
  return {
    name: 'r',
    version: '0.0.0',
    secpi: 'true',
    recipe: { text: 'name: r\n', inputs: [], variables: [] },
    members: [],
    variables: [],
    resources: { gpus: 0 },
    ...more,
  };
}

export const image = `registry.example/secpi@sha256:${'1f'.repeat(32)}`;

/** One that uses everything. */
export const largeJob = clusterJob({
  name: 'my_recipe.v2',
  recipe: {
    text: 'name: my_recipe.v2\n',
    inputs: [{ from: '/data/rows.jsonl', to: 'inputs/1/rows.jsonl' }],
    variables: ['TEACHER_URL'],
  },
  variables: ['HF_TOKEN', 'TEACHER_KEY', 'TEACHER_URL'],
  resources: { gpus: 2, gpuKind: 'H100', cpus: 16, memory: 128 * 1024 ** 3 },
});
