import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SecpiError } from '../../../base/errors.js';
import { sha256, sha256Json } from '../../../base/hash.js';
import { packageRoot } from '../../../base/package-root.js';
import { newPack } from '../../../sandbox/new-pack.js';
import { answerOf, runStep } from '../../../setup/set-up-step.js';
import type { SuiteSetUp } from '../../module.js';
import { driverProgram } from '../driver.js';
import { type Machine, PACK, packFiles, readMachine } from '../machine.js';
import { type Choice, chosenTasks, readTasks } from '../tasks.js';
import { buildImages } from './build-images.js';
import { findEngine } from './find-engine.js';
import { findPython } from './find-python.js';

/** Data, not code: the build does not copy it. */
const lock = join(packageRoot, 'src', 'suites', 'baxbench', 'pack', 'requirements.lock');

/**
 * Makes a Python with what the official tests import, asks the checkout for its tasks, and builds the images that answers are built on, where what
 * those are built on can be had. Gives what could not.
 * @throws SecpiError `suites/baxbench-needs` for what has to be installed first; `python/set-up-failed` for a step that failed.
 */
export async function makePack(
  choice: Choice,
  use: SuiteSetUp & { readonly checkout: string },
): Promise<readonly string[]> {
  const { checkout, say, signal } = use;
  const context = { environment: use.variables, say };
  const { engine, env, prefix, version: engineVersion } = await findEngine(context);
  const python = await findPython(context);
  const files = packFiles(use);
  return newPack(use.cacheFolder, PACK, async (unfinished) => {
    say(`installing what the tests import into a Python ${python.version}`);
    const own = join(unfinished, 'python');
    await runStep([python.program, '-m', 'venv', own], context);
    const pip = [join(own, 'bin', 'python'), '-m', 'pip', 'install', '--no-input', '--disable-pip-version-check'];
    await runStep([...pip, '--no-deps', '-r', lock], context);
    say('asking BaxBench for its tasks');
    const described = await answerOf([join(own, 'bin', 'python'), '-B', driverProgram, 'tasks', checkout], {
      environment: { ...env, PYTHONHASHSEED: '0' },
    });
    if (described === undefined) {
      throw new SecpiError('suites/bad-source', `BaxBench in ${checkout} says nothing of its tasks`, {
        hint: 'Remove that folder: it is fetched again.',
      });
    }
    await writeFile(join(unfinished, 'tasks.json'), described);
    const { tasks } = await readTasks(join(unfinished, 'tasks.json'));
    const before = await readMachine(use).then(
      (machine) => machine.images,
      () => ({}),
    );
    const inPlace = join(files.folder, 'python', 'bin', 'python');
    const driver = { engine, env, checkout, python: [...prefix, join(own, 'bin', 'python')] };
    const { images, notes } = await buildImages(chosenTasks(tasks, choice), driver, { say, signal });
    const machine: Machine = { engine, env, python: [...prefix, inPlace], images: { ...before, ...images } };
    const identity = sha256Json({
      python: python.version,
      pip: sha256(await readFile(lock)),
      engine: engineVersion,
      images: machine.images,
    });
    await writeFile(join(unfinished, 'machine.json'), `${JSON.stringify(machine, null, 2)}\n`);
    await writeFile(join(unfinished, 'pack.json'), `${JSON.stringify({ identity, mounts: [] })}\n`);
    return notes;
  });
}
