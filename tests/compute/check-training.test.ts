import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SecpiError } from '../../src/base/errors.js';
import { checkTraining } from '../../src/compute/check-training.js';
import { targetSchema } from '../../src/compute/target.js';
import { pythonForTests } from '../support/python.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const { signal } = new AbortController();
const here = targetSchema.parse({ local: { device: 'cpu' } });
const ssh = targetSchema.parse({ ssh: { host: 'far', python: '/opt/python', device: 'cpu' } });
const image = `sha256:${'0'.repeat(64)}`;
const contained = targetSchema.parse({ local: {}, container: { engine: 'podman', image } });
const notSetUp = { python: () => Promise.reject(new SecpiError('python/not-set-up', 'no')), variables: {} };
const plain = { packages: 'axolotl', spec: undefined } as const;
const spec = { trainer: 'trl', steps: 3, extra: { tf33: true } };

/** An interpreter that notes what it is asked and answers with this. */
async function pretend(folder: { readonly path: string }, answer: string) {
  const [python, asked] = [join(folder.path, 'python'), join(folder.path, 'asked')];
  await writeFile(python, `#!/bin/sh\necho "$@" >>${asked}; cat >>${asked}\n${answer}\n`);
  await chmod(python, 0o755);
  const means = { python: async () => ({ folder: folder.path, python }), variables: {}, answers: new Map() };
  return { means, asked: () => readFile(asked, 'utf8').catch(() => '') };
}

describe('what a training would fail with later', () => {
  it('is that the environment is not set up where it is to run here, and is not known where it runs elsewhere', async () => {
    await expect(checkTraining(here, notSetUp, plain, signal)).rejects.toMatchObject({ code: 'python/not-set-up' });
    expect(await checkTraining(ssh, notSetUp, plain, signal)).toBe(false);
    expect(await checkTraining(contained, notSetUp, plain, signal)).toBe(false);
  });

  it('is what the trainer says of its settings, asked once by all who would ask the same', async () => {
    await using folder = await temporaryFolder();
    const refusal = {
      outcome: 'failed',
      code: 'trainer/bad-extra',
      message: 'TRL knows no setting',
      hint: 'it may be',
    };
    const { means, asked } = await pretend(folder, `echo '${JSON.stringify(refusal)}'`);
    const told = { code: 'trainer/bad-extra', message: 'TRL knows no setting', hint: 'it may be', exitCode: 2 };
    const question = { packages: 'trainers', spec } as const;
    await Promise.all(
      [here, here, ssh].map((target) =>
        expect(checkTraining(target, means, question, signal)).rejects.toMatchObject(told),
      ),
    );
    expect(await asked()).toBe(`-m secpi_trainers check --ranks 1 --nodes 1\n${JSON.stringify(spec)}`);
    // Settings that only secpi reads cost no process.
    expect(await checkTraining(here, means, { packages: 'trainers', spec: undefined }, signal)).toBe(true);
    const nodes = targetSchema.parse({ slurm: { host: 'far', python: '/opt/python', gpus: 4, nodes: 2 } });
    await expect(checkTraining(nodes, means, question, signal)).rejects.toMatchObject(told);
    expect(await asked()).toContain('--ranks 4 --nodes 2');
  });

  it('is said with its own words where the trainer cannot even answer', async () => {
    await using folder = await temporaryFolder();
    const { means } = await pretend(folder, 'echo no torch here >&2; exit 3');
    await expect(checkTraining(here, means, { packages: 'trainers', spec }, signal)).rejects.toMatchObject({
      code: 'trainer/died',
      message: expect.stringMatching(/without an answer \(3\):\nno torch here/),
    });
  });

  it.skipIf(pythonForTests === undefined)('comes from the trainers themselves', async () => {
    const means = { python: async () => pythonForTests ?? Promise.reject(), variables: process.env };
    const wrong = { packages: 'trainers', spec: { trainer: 'axolotl', steps: 3 } } as const;
    await expect(checkTraining(here, means, wrong, signal)).rejects.toMatchObject({ code: 'trainer/needs-package' });
    const right = { packages: 'trainers', spec: { steps: 3 } } as const;
    expect(await checkTraining(here, means, right, signal)).toBe(true);
  });
});
