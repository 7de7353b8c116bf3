import { dirname } from 'node:path';
import { messageOf } from '../../base/errors.js';
import { openSandbox } from '../../sandbox/open-sandbox.js';
import { findPythonEnvironment, preparePythonEnvironment } from '../../setup/python-environment.js';
import { installSystemPackages } from '../../setup/system-packages.js';
import { prepareTestAnalysers } from '../../setup/test-analysers.js';
import type { CliEnvironment } from '../environment.js';
import { shownPath, writeJson } from '../output.js';
import type { OutputOptions } from '../recipes/run-options.js';

/** `secpi setup`: what a machine needs before the first run. Quick when it is all there. */
export async function setupCommand(
  options: OutputOptions & {
    readonly axolotl?: boolean;
    readonly development?: boolean;
    readonly printPython?: boolean;
  },
  environment: CliEnvironment,
): Promise<number> {
  const json = options.json === true;
  if (options.printPython === true) {
    const { python } = await findPythonEnvironment(
      environment.cache,
      options.axolotl === true ? 'axolotl' : 'trainers',
    );
    if (json) writeJson({ type: 'python', path: python }, environment);
    else environment.stdout.write(`${python}\n`);
    return 0;
  }
  const say = (line: string): void => {
    if (json) writeJson({ type: 'log', message: line }, environment);
    else environment.stdout.write(`secpi: ${environment.redact(line)}\n`);
  };
  const packages = await installSystemPackages(say, environment.variables);
  for (const { program, purpose } of packages.missing) say(`${program} is missing: needed for ${purpose}`);
  if (packages.installCommand !== undefined) say(`install it with: ${packages.installCommand}`);
  const { cache, variables } = environment;
  const development = options.development === true;
  const { python } = await preparePythonEnvironment({ cache, development, environment: variables, say });
  const axolotl =
    options.axolotl === true || development
      ? await preparePythonEnvironment({ cache, packages: 'axolotl', development, environment: variables, say })
      : undefined;
  if (development) await prepareTestAnalysers({ cache, environment: variables, say });
  await prepareSandbox(environment, say);
  if (json) writeJson({ type: 'ready', python, missing: packages.missing }, environment);
  else if (options.quiet !== true)
    say(`ready, with the Python environment ${shownPath(dirname(dirname(python)), environment)}`);
  if (axolotl !== undefined && !json && options.quiet !== true)
    say(`and that of Axolotl, ${shownPath(axolotl.folder, environment)}`);
  return 0;
}

/** Compiles Go's standard library into the cache once. A machine without a sandbox can still do everything but evaluate. */
async function prepareSandbox(environment: CliEnvironment, say: (line: string) => void): Promise<void> {
  try {
    const sandbox = await openSandbox({ cacheFolder: environment.cache, languages: ['go'] });
    if (sandbox.toolchains.go === undefined) return;
    const notice = setTimeout(
      () => say("compiling Go's standard library for the sandbox, once (about half a minute)"),
      1000,
    );
    await sandbox.prepare('go').finally(() => clearTimeout(notice));
  } catch (error) {
    say(messageOf(error));
  }
}
