import { findPythonEnvironment, preparePythonEnvironment } from '../compute/python-environment.js';
import { installSystemPackages } from '../compute/system-packages.js';
import type { CliEnvironment } from './environment.js';

/** `secpi setup`: what a machine needs before the first run. Quick when it is all there. */
export async function setupCommand(
  options: { readonly development?: boolean; readonly printPython?: boolean },
  environment: CliEnvironment,
): Promise<number> {
  if (options.printPython === true) {
    environment.stdout.write(`${(await findPythonEnvironment(environment.cache)).python}\n`);
    return 0;
  }
  const say = (line: string): void => {
    environment.stdout.write(`secpi: ${line}\n`);
  };
  const packages = await installSystemPackages(say);
  for (const { program, purpose } of packages.missing) say(`${program} is missing: needed for ${purpose}`);
  if (packages.installCommand !== undefined) say(`install it with: ${packages.installCommand}`);
  await preparePythonEnvironment({
    cache: environment.cache,
    development: options.development === true,
    environment: environment.variables,
    say,
  });
  return 0;
}
