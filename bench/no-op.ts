/**
 * What it costs to be told that there is nothing to do: nine finished steps, which are secpi's quickstart here and nine `cat`s
 * that hang together in the same way for the others. Peers, in the same run and in turns: wireit, DVC and Snakemake, each as
 * its users call it. Each of them has to say in its own words that it did nothing, every time.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { median } from '../src/base/median.js';
import { packageRoot } from '../src/base/package-root.js';
import { cacheDirectory } from '../src/setup/cache-directory.js';
import { packageInstaller } from '../src/setup/package-installer.js';
import { findInterpreter } from '../src/setup/python-interpreter.js';
import { line, rounded, secondsOf } from './measure.js';
import { type Contender, runOnce } from './no-op/contender.js';
import { DVC_VERSION, dvc } from './no-op/dvc.js';
import { secpi } from './no-op/secpi.js';
import { SNAKEMAKE_VERSION, snakemake } from './no-op/snakemake.js';
import { SOURCES } from './no-op/steps.js';
import { wireit } from './no-op/wireit.js';

const ROUNDS = 15;

// A finished quickstart stays where it is: making one takes minutes.
const state = resolve(process.argv[2] ?? join(packageRoot, '.secpi'));
const folder = await mkdtemp(join(tmpdir(), 'secpi-bench-no-op-'));

/** A folder with the files that the first steps read. */
async function project(name: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(path);
  for (const source of SOURCES) await writeFile(join(path, source), `${source}\n`);
  return path;
}

/** An environment that holds one package and what it needs; gives its interpreter. */
async function pythonWith(name: string, version: string): Promise<string> {
  const context = {
    cache: cacheDirectory(process.env),
    environment: process.env,
    say: (text: string) => void process.stderr.write(`${name}: ${text}\n`),
  };
  const { path } = await findInterpreter(context);
  const installer = await packageInstaller(path, context);
  const home = join(folder, `python-${name}`);
  await installer.makeEnvironment(path, home);
  const python = join(home, 'bin', 'python');
  await installer.install(python, [`${name}==${version}`]);
  return python;
}

try {
  const contenders: readonly Contender[] = [
    secpi(state),
    await wireit(await project('wireit')),
    await dvc(await project('dvc'), await pythonWith('dvc', DVC_VERSION)),
    await snakemake(await project('snakemake'), await pythonWith('snakemake', SNAKEMAKE_VERSION)),
  ];
  for (const contender of contenders) {
    process.stderr.write(`${contender.name}: doing what there is to do\n`);
    await runOnce(contender, { finished: false });
    // Also warms what the system keeps of files that are read.
    await runOnce(contender, { finished: true });
  }
  const seconds = contenders.map(() => [] as number[]);
  // In turns, so that a busy minute hits everybody.
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [index, contender] of contenders.entries()) {
      seconds[index]?.push(await secondsOf(() => runOnce(contender, { finished: true })));
    }
  }
  const medians = seconds.map(median);
  process.stdout.write(`Nine finished steps, median of ${ROUNDS} runs each\n`);
  for (const [index, { name }] of contenders.entries()) {
    const value = medians[index] ?? 0;
    line(name, `${rounded(value)} s`, `${rounded(value / (medians[0] ?? 1))} × secpi`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
