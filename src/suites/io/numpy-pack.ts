import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SecpiError } from '../../base/errors.js';
import { sha256Json } from '../../base/hash.js';
import { newPack } from '../../sandbox/new-pack.js';
import { openSandbox } from '../../sandbox/open-sandbox.js';
import { runStep } from '../../setup/set-up-step.js';
import type { SuiteSetUp } from '../module.js';

/** What answers may import besides Python's own modules: numpy, which the environments of the official harnesses have. */
export const NUMPY_PACK = 'numpy';

/** Has wheels for Python 3.10 to 3.13. */
const VERSION = '2.2.6';
const INSIDE = '/opt/numpy';

/**
 * Installs it for the Python of the sandbox, with the pip of any Python that is found in `PATH`.
 * @throws SecpiError `suites/needs-python`; `python/set-up-failed` with what pip says.
 */
export async function makeNumpyPack({ cacheFolder, variables, say }: SuiteSetUp): Promise<void> {
  const { toolchains } = await openSandbox({ cacheFolder, languages: ['python'] });
  const version = /^(\d+\.\d+)/.exec(toolchains.python ?? '')?.[1];
  if (version === undefined) {
    throw new SecpiError('suites/needs-python', 'there is no Python that runs in the sandbox', {
      hint: '`secpi doctor` says what the sandbox offers.',
    });
  }
  say(`installing numpy ${VERSION} for Python ${version}`);
  await newPack(cacheFolder, NUMPY_PACK, async (folder) => {
    const pip = ['python3', '-m', 'pip', 'install', '--no-input', '--disable-pip-version-check', '--no-deps'];
    const wheel = ['--only-binary=:all:', '--implementation=cp', `--python-version=${version}`];
    await runStep([...pip, ...wheel, '--target', join(folder, 'site'), `numpy==${VERSION}`], {
      environment: variables,
      say,
    });
    const description = {
      identity: sha256Json({ numpy: VERSION, python: version }),
      mounts: [{ from: 'site', to: INSIDE }],
      env: { PYTHONPATH: INSIDE },
    };
    await writeFile(join(folder, 'pack.json'), `${JSON.stringify(description, null, 2)}\n`);
  });
}
