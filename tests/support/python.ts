import { cacheDirectory } from '../../src/setup/cache-directory.js';
import { findPythonEnvironment, type PythonEnvironment } from '../../src/setup/python-environment.js';
import { hasMeans } from './means.js';

/** The project's own Python environment. Where it is not set up, tests that need it are skipped, and this says so. */
export const pythonForTests: PythonEnvironment | undefined = await findPythonEnvironment(
  cacheDirectory(process.env),
).catch((error: Error) => {
  hasMeans(false, `${error.message} (\`npm run setup\`)`);
  return undefined;
});
