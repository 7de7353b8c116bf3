import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import * as z from 'zod';
import { GRACE_SECONDS } from '../../src/export/cluster-job.js';
import { kubernetesFilesPod, kubernetesManifest } from '../../src/export/kubernetes.js';
import { portableRecipe } from '../../src/export/portable-recipe.js';
import { pythonForTests } from '../support/python.js';
import { clusterJob, image, largeJob } from './cluster-job.js';
import { hostileText } from './hostile-text.js';
import { kubernetesSchema } from './published-schemas.js';

interface Manifest {
  readonly kind: 'ConfigMap' | 'Job';
  readonly metadata: { readonly name: string };
  readonly data: Readonly<Record<string, string>>;
  readonly spec: {
    readonly activeDeadlineSeconds?: number;
    readonly template: {
      readonly spec: Record<string, unknown> & { readonly containers: readonly Record<string, unknown>[] };
    };
  };
}

const options = { image, volume: 'secpi' };

function manifests(text: string): readonly Manifest[] {
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
}

function manifestOf(text: string, kind: Manifest['kind']): Manifest {
  const found = manifests(text).find((manifest) => manifest.kind === kind);
  if (found === undefined) throw new Error(`no ${kind}`);
  return found;
}

describe('a job for Kubernetes', () => {
  it.each([
    ['the smallest', clusterJob(), options],
    ['with everything', largeJob, { ...options, hours: 1.5 }],
    ['privileged', largeJob, { ...options, privileged: true }],
  ])('is what the API of Kubernetes takes: %s', (_what, job, own) => {
    const kinds = manifests(kubernetesManifest(job, own)).map((manifest) => {
      expect(kubernetesSchema(manifest.kind).safeParse(manifest).error).toBeUndefined();
      return manifest.kind;
    });
    expect(kinds).toEqual(['ConfigMap', 'Job']);
    const [pod] = parseAllDocuments(kubernetesFilesPod(job, own)).map((document) => document.toJS() as unknown);
    expect(kubernetesSchema('Pod').safeParse(pod).error).toBeUndefined();
  });

  it('would be refused with a field that Kubernetes does not know', () => {
    const job = manifestOf(kubernetesManifest(clusterJob(), options), 'Job');
    const spec = { ...job.spec, backofLimit: 1 };
    expect(kubernetesSchema('Job').safeParse({ ...job, spec }).success).toBe(false);
  });

  it('has names that are DNS labels, however the recipe is called', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,120}$/), (name) => {
        for (const { metadata } of manifests(kubernetesManifest(clusterJob({ name }), options))) {
          expect(metadata.name).toMatch(/^[a-z]([a-z0-9-]{0,55}[a-z0-9])?$/);
        }
      }),
    );
    const nameOf = (name: string) => manifests(kubernetesManifest(clusterJob({ name }), options))[0]?.metadata.name;
    expect(nameOf('a.b')).not.toBe(nameOf('a-b'));
    expect(nameOf(`${'a'.repeat(60)}1`)).not.toBe(nameOf(`${'a'.repeat(60)}2`));
  });

  it('names secrets and holds none, and asks for what was asked for', () => {
    const text = kubernetesManifest(largeJob, { ...options, hours: 1.5 });
    const { activeDeadlineSeconds, template } = manifestOf(text, 'Job').spec;
    expect(activeDeadlineSeconds).toBe(5400);
    const { containers, volumes, nodeSelector, terminationGracePeriodSeconds } = template.spec;
    expect(containers[0]).toMatchObject({
      image,
      resources: {
        requests: { cpu: '16', memory: '131072Mi' },
        limits: { cpu: '16', memory: '131072Mi', 'nvidia.com/gpu': '2' },
      },
    });
    // What is declared as environment can be read wherever the container is inspected.
    expect(containers[0]).not.toHaveProperty('env');
    expect(nodeSelector).toEqual({ 'nvidia.com/gpu.product': 'H100' });
    expect(terminationGracePeriodSeconds).toBe(GRACE_SECONDS);
    expect(volumes).toContainEqual({
      name: 'values',
      secret: {
        secretName: expect.stringMatching(/^secpi-my-recipe-v2-[0-9a-f]{8}$/),
        items: largeJob.variables.map((name) => ({ key: name, path: name })),
        defaultMode: 0o440,
      },
    });
  });

  it.skipIf(pythonForTests === undefined)('is read by another YAML as it was meant, whatever the recipe says', () => {
    const texts = fc.sample(hostileText, 80).map((text) => {
      const written = { description: text, on: 'yes', '1_000': '12:30', [text]: [text] };
      return portableRecipe({ schema: z.any(), written, value: written }).text;
    });
    const exported = texts.map((text) =>
      kubernetesManifest(clusterJob({ recipe: { text, inputs: [], variables: [] } }), options),
    );
    const program =
      'import json,sys,yaml\nfor t in json.load(sys.stdin): print(json.dumps(list(yaml.safe_load_all(t))))';
    const { stdout, stderr } = spawnSync(pythonForTests?.python ?? '', ['-c', program], {
      input: JSON.stringify(exported),
      encoding: 'utf8',
      maxBuffer: 1e9,
    });
    expect(stderr).toBe('');
    const read = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(read).toEqual(exported.map(manifests));
    for (const [index, text] of exported.entries()) {
      expect(manifestOf(text, 'ConfigMap').data['job.sh']).toContain(texts[index]);
    }
  });
});
