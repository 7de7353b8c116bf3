import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { skypilotTask } from '../../src/export/skypilot.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { clusterJob, image, largeJob } from './cluster-job.js';
import { skypilotSchema } from './published-schemas.js';

/** An interpreter that has the package `skypilot`: half a gigabyte, so whoever wants this check names one. */
const python = process.env.SKYPILOT_PYTHON;

const options = { image, volume: 'secpi' };

const jobs = [
  ['the smallest', clusterJob(), options],
  ['with everything', largeJob, { ...options, spot: true }],
] as const;

describe('a job for SkyPilot', () => {
  it.each(jobs)('is what its schema takes: %s', (_what, job, own) => {
    const task = parse(skypilotTask(job, own)) as { readonly resources: unknown };
    expect(skypilotSchema('task').safeParse(task).error).toBeUndefined();
    expect(skypilotSchema('resources').safeParse(task.resources).error).toBeUndefined();
  });

  it('would be refused with a field that SkyPilot does not know', () => {
    const task = parse(skypilotTask(clusterJob(), options)) as Readonly<Record<string, unknown>>;
    expect(skypilotSchema('task').safeParse({ ...task, volume: 'x' }).success).toBe(false);
    expect(skypilotSchema('resources').safeParse({ use_spots: true }).success).toBe(false);
  });

  it('names secrets and holds none, and asks for what was asked for', () => {
    expect(parse(skypilotTask(largeJob, { ...options, spot: true }))).toMatchObject({
      workdir: '.',
      secrets: { HF_TOKEN: null, TEACHER_KEY: null, TEACHER_URL: null },
      resources: { accelerators: 'H100:2', cpus: '16+', memory: '128+', use_spot: true, image_id: `docker:${image}` },
      volumes: { '/secpi': 'secpi' },
    });
    const small: unknown = parse(skypilotTask(clusterJob(), options));
    expect(small).not.toHaveProperty('workdir');
    expect(small).not.toHaveProperty('secrets');
    expect(small).not.toHaveProperty('resources.accelerators');
  });

  it.skipIf(python === undefined).each(jobs)("is understood by SkyPilot's own client: %s", async (_what, job, own) => {
    await using folder = await temporaryFolder();
    const path = await folder.write('job.yaml', skypilotTask(job, own));
    const program = `
import json, os, sys
import sky
os.chdir(os.path.dirname(sys.argv[1]))
secrets = [(name, 'a value') for name in json.loads(sys.argv[2])]
task = sky.Task.from_yaml(sys.argv[1])
task.update_secrets(secrets)
resources = next(iter(task.resources))
print(json.dumps([task.name, resources.accelerators, resources.use_spot, resources.image_id, resources.job_recovery]))`;
    const result = spawnSync(python ?? '', ['-c', program, path, JSON.stringify(job.variables)], { encoding: 'utf8' });
    expect(result).toMatchObject({ status: 0 });
    const { gpus, gpuKind = '' } = job.resources;
    expect(JSON.parse(result.stdout.trim().split('\n').at(-1) ?? '')).toEqual([
      expect.stringMatching(/^secpi-/),
      gpus === 0 ? null : { [gpuKind]: gpus },
      'spot' in own,
      { null: `docker:${image}` },
      { strategy: null, max_restarts_on_errors: 3 },
    ]);
  });
});
