import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../../src/base/package-root.js';
import type { Manifest } from '../../src/engine/artifacts/manifest.js';
import { eventsIn, newHome, start } from '../e2e/secpi-process.js';
import { pythonForTests } from '../support/python.js';
import { hasSlurm, slurmCluster } from '../support/slurm-cluster.js';
import { temporaryFolder } from '../support/temporary-folder.js';

it.skipIf(!hasSlurm || pythonForTests === undefined)(
  'a recipe trains in two processes on two nodes of a cluster',
  async () => {
    await using cluster = await slurmCluster();
    await using folder = await temporaryFolder();
    const home = await newHome();
    const recipe = join(folder.path, 'two-nodes.yaml');
    // JSON is YAML.
    await writeFile(
      recipe,
      JSON.stringify({
        extends: join(packageRoot, 'tests', 'e2e', 'small.yaml'),
        compute: {
          here: { local: { device: 'cpu', threads: 1 } },
          cluster: { slurm: { partition: 'low', nodes: 2, device: 'cpu', threads: 1 } },
        },
        models: { target: { tiny: { steps: 2 } } },
        train: { on: 'cluster', steps: 5, save_every_steps: 3, batch_size: 1 },
      }),
    );
    const { code, stdout, stderr } = await start(['run', recipe, '--until', 'train'], home, {
      SLURM_CONF: cluster.conf,
    }).ended;
    expect(code, stderr + stdout.slice(-2000)).toBe(0);
    const said = eventsIn(stdout).flatMap((event) => (event.type === 'log' ? [event.message] : []));
    expect(said.filter((message) => /^checkpoint at step/.test(message))).toEqual([
      'checkpoint at step 3',
      'checkpoint at step 5',
    ]);
    const [name = ''] = await readdir(join(home, 'artifacts', 'train'));
    const manifest = JSON.parse(await readFile(join(home, 'artifacts', 'train', name), 'utf8')) as Manifest;
    expect(manifest).toMatchObject({
      counts: { steps: 5 },
      preimage: { pins: { environment: { device: 'cpu', processes: 2 } } },
    });
    expect(manifest.outputs.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['adapter/adapter_model.safetensors']),
    );
  },
);
