import { availableParallelism } from 'node:os';
import { isAbsolute, resolve } from 'node:path';
import { SecpiError } from '../../base/errors.js';
import { openSandbox } from '../../sandbox/open-sandbox.js';
import { benchOf } from '../../suites/bench.js';
import { makePack } from '../../suites/cweval/pack/make-pack.js';
import { PIN, sourceFolder } from '../../suites/cweval/source.js';
import { preflight } from '../../suites/judging/preflight.js';
import { loadSuite } from '../../suites/registry.js';
import type { CliEnvironment } from '../environment.js';
import { writeJson } from '../output.js';
import type { OutputOptions } from '../recipes/run-options.js';

/**
 * `secpi suites setup cweval`: fetches the benchmark, makes what its tests need, and has it judge its own solutions. Exit code 1 when one of them
 * comes out otherwise than it should.
 */
export async function setUpSuiteCommand(
  name: string,
  { source, check, ...options }: OutputOptions & { readonly source?: string; readonly check?: boolean },
  environment: CliEnvironment,
): Promise<number> {
  if (name !== 'cweval') {
    throw new SecpiError('suites/nothing-to-set-up', `there is nothing to set up for a suite called "${name}"`, {
      hint: 'The suite that needs it is cweval.',
      exitCode: 2,
    });
  }
  const { cache, variables, workingDirectory } = environment;
  const { signal } = new AbortController();
  const say = (line: string): void => {
    if (options.json === true) writeJson({ type: 'log', message: line }, environment);
    else if (options.quiet !== true) environment.stdout.write(`secpi: ${environment.redact(line)}\n`);
  };
  const from = source === undefined || /^\w+:\/\//.test(source) ? source : absolute(source, workingDirectory);
  const files = { cacheFolder: cache, variables };
  const checkout = await sourceFolder(from, files);
  say(`CWEval at ${PIN.commit.slice(0, 12)}`);
  const notes = check === true ? [] : await makePack({ cache, checkout, environment: variables, say, signal });
  for (const note of notes) say(note);
  const suite = await loadSuite(name, { cweval: { style: 'direct', extract: 'first', source: from } }, files);
  const sandbox = await openSandbox({ cacheFolder: cache, ...(variables.PATH ? { path: variables.PATH } : {}) });
  say(`judging ${suite.calibration.length} known solutions`);
  const faults = await preflight(suite, benchOf(sandbox), { width: availableParallelism(), signal });
  for (const { problem, fault } of faults) {
    if (options.json === true) writeJson({ type: 'fault', problem, message: fault }, environment);
    else environment.stdout.write(`${problem}: ${fault}\n`);
  }
  const well = suite.problems.length - faults.length;
  if (options.json === true)
    writeJson({ type: 'ready', problems: suite.problems.length, well, notes: [...notes] }, environment);
  else environment.stdout.write(`secpi: ${well} of ${suite.problems.length} problems are judged as they should be\n`);
  return faults.length === 0 ? 0 : 1;
}

function absolute(path: string, workingDirectory: string): string {
  return isAbsolute(path) ? path : resolve(workingDirectory, path);
}
