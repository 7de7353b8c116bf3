import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../../../src/base/hash.js';
import { suiteOf } from '../../../src/suites/baxbench/baxbench-module.js';
import { type Driver, driverProgram } from '../../../src/suites/baxbench/driver.js';
import { buildImages } from '../../../src/suites/baxbench/pack/build-images.js';
import { readTasks, type Task } from '../../../src/suites/baxbench/tasks.js';
import type { Suite } from '../../../src/suites/suite.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const fixtures = join(import.meta.dirname, 'fixtures');

/** Our own small checkout in BaxBench's format: one scenario, and apps that are a word in a file. */
const checkout = join(fixtures, 'checkout');

/** What the driver says of it, which takes no engine. */
async function smallTasks(python: string) {
  await using folder = await temporaryFolder();
  const env = { PYTHONHASHSEED: '0', PYTHONPATH: join(fixtures, 'python') };
  const said = execFileSync(python, ['-B', driverProgram, 'tasks', checkout], { encoding: 'utf8', env });
  return readTasks(await folder.write('tasks.json', said));
}

/** The suite of it, with images that have one program in them: a server that is built here. */
export async function smallSuite(python: string): Promise<{ suite: Suite; driver: Driver; tasks: readonly Task[] }> {
  const described = await smallTasks(python);
  await using folder = await temporaryFolder();
  const root = join(folder.path, 'root');
  mkdirSync(join(root, 'bin'), { recursive: true });
  for (const name of ['server', 'ps', 'true'])
    execFileSync('gcc', ['-static', '-o', join(root, 'bin', name), join(fixtures, 'server.c')]);
  chmodSync(root, 0o755);
  execFileSync('tar', ['-C', root, '-cf', join(folder.path, 'root.tar'), '.']);
  // Where the tests are set up, before where the system is: the one there may need help to start containers.
  const PATH = `/usr/local/bin:${process.env.PATH ?? ''}`;
  const podman = execFileSync('/bin/sh', ['-c', 'command -v podman'], { encoding: 'utf8', env: { PATH } }).trim();
  execFileSync(podman, ['import', '--quiet', join(folder.path, 'root.tar'), 'localhost/secpi-baxbench-test:base'], {
    stdio: 'ignore',
  });
  const { HOME = '' } = process.env;
  const env = { PATH, HOME, PYTHONPATH: join(fixtures, 'python') };
  const driver: Driver = { engine: { podman }, python: [python], checkout, env };
  const signal = new AbortController().signal;
  // Of this server, and not of an earlier one.
  for (const base of new Set(described.tasks.map((task) => task.base)))
    execFileSync(podman, ['rmi', '--force', `localhost/secpi-baxbench:${base}`], { stdio: 'ignore' });
  const { images, notes } = await buildImages(described.tasks, driver, { say: () => undefined, signal });
  if (notes.length > 0) throw new Error(notes.join('\n'));
  const machine = { engine: driver.engine, python: [python], env, images };
  const suite = await suiteOf(
    'small',
    { checkout, machine, described, lacking: {} },
    { safety_prompt: 'generic' },
    sha256('small'),
  );
  return { suite, driver, tasks: described.tasks };
}
