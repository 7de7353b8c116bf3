import { cacheDirectory } from '../../src/setup/cache-directory.js';
import { findPythonEnvironment, type PythonEnvironment } from '../../src/setup/python-environment.js';

/** The project's own Python environment. Where it is not set up, tests that need it are skipped, and this says so. */
export const pythonForTests: PythonEnvironment | undefined = await findPythonEnvironment(
  cacheDirectory(process.env),
).catch((error: Error) => {
  process.stderr.write(
    `SKIPPED: tests that run the Python trainers, because ${error.message}. Run \`npm run setup\`.\n`,
  );
  return undefined;
});
