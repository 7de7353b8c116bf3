import { createHash } from 'node:crypto';
import { access, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory } from '../../src/setup/cache-directory.js';
import { packageInstaller } from '../../src/setup/package-installer.js';
import { findInterpreter } from '../../src/setup/python-interpreter.js';

/** An environment that holds the packages of a file, made once for what stands there; gives its interpreter. */
export async function environmentWith(requirements: string, name: string): Promise<string> {
  const context = {
    cache: cacheDirectory(process.env),
    environment: process.env,
    say: (text: string) => void process.stderr.write(`${name}: ${text}\n`),
  };
  const digest = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex');
  const home = join(context.cache, 'bench', `${name}-${digest.slice(0, 8)}`);
  const interpreter = join(home, 'bin', 'python');
  const complete = join(home, 'complete');
  const isThere = await access(complete).then(
    () => true,
    () => false,
  );
  if (isThere) return interpreter;
  await rm(home, { recursive: true, force: true });
  const { path } = await findInterpreter(context);
  const installer = await packageInstaller(path, context);
  await installer.makeEnvironment(path, home);
  await installer.install(interpreter, ['--requirement', requirements]);
  await writeFile(complete, '');
  return interpreter;
}
