import { appendFile, cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/package-root.js';
import { pythonIdentity } from '../../src/compute/python-identity.js';
import { hasNvidiaGpu } from '../../src/setup/python-environment.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

/** secpi a second time, in a folder of its own, so that its trainers can be changed. */
let copy: TemporaryFolder;
let identity: typeof pythonIdentity;
beforeAll(async () => {
  copy = await temporaryFolder();
  const names = [
    'src',
    'trainers/requirements.lock',
    'trainers/requirements-axolotl.lock',
    'trainers/secpi_trainers',
    'package.json',
  ];
  for (const name of names) {
    await cp(join(packageRoot, name), join(copy.path, name), { recursive: true });
  }
  await symlink(join(packageRoot, 'node_modules'), join(copy.path, 'node_modules'));
  ({ pythonIdentity: identity } = await import(join(copy.path, 'src/compute/python-identity.ts')));
});
afterAll(() => copy[Symbol.asyncDispose]());

const trainers = (name: string) => join(copy.path, 'trainers', name);

describe('pythonIdentity', () => {
  it('is the same wherever secpi lies, and whatever interpreters leave beside the code', async () => {
    const here = await pythonIdentity('cpu');
    expect(here).toMatchObject({ device: 'cpu' });
    await mkdir(trainers('secpi_trainers/training/__pycache__'), { recursive: true });
    await writeFile(trainers('secpi_trainers/training/__pycache__/train.cpython-311.pyc'), 'compiled');
    await writeFile(trainers('secpi_trainers/.train.py.swp'), 'being edited');
    expect(await identity('cpu')).toEqual(here);
  });

  it('of a training with Axolotl changes with the packages that it runs with, and not with the others', async () => {
    const [ours, axolotl] = [await identity('cpu'), await identity('cpu', undefined, 1, 'axolotl')];
    expect(axolotl).not.toEqual(ours);
    await appendFile(trainers('requirements.lock'), '\n');
    expect(await identity('cpu', undefined, 1, 'axolotl')).toEqual(axolotl);
    await appendFile(trainers('requirements-axolotl.lock'), '\n');
    expect(await identity('cpu', undefined, 1, 'axolotl')).not.toEqual(axolotl);
    // What is in an image its digest says.
    const image = `sha256:${'0'.repeat(64)}`;
    expect(await identity('cpu', image, 1, 'axolotl')).toEqual(await identity('cpu', image));
  });

  it('is another with another kind of device; `auto` is the one that there is', async () => {
    const [cpu, cuda] = await Promise.all([pythonIdentity('cpu'), pythonIdentity('cuda')]);
    expect(cuda).toEqual({ ...(cpu as object), device: 'cuda' });
    expect(await pythonIdentity('auto')).toEqual(hasNvidiaGpu() ? cuda : cpu);
  });

  it.each([
    ['the pinned packages', 'requirements.lock'],
    ['the code', 'secpi_trainers/training/train.py'],
    ['the template of chats', 'secpi_trainers/tiny/chat_template.jinja'],
    ['what code there is', 'secpi_trainers/new.py'],
  ])('is another after a change of %s', async (_what, file) => {
    const before = await identity('cpu');
    await appendFile(trainers(file), '\n');
    const after = await identity('cpu');
    expect(after).not.toEqual(before);
    expect(await identity('cpu')).toEqual(after);
  });
});
