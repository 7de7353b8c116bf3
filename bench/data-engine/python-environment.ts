import { join } from 'node:path';
import { cacheDirectory } from '../../src/setup/cache-directory.js';
import { prepareSmallEnvironment } from '../../src/setup/small-environment.js';

/** An environment that holds the packages of a file, made once for what stands there; gives its interpreter. */
export async function environmentWith(requirements: string, name: string): Promise<string> {
  const cache = cacheDirectory(process.env);
  const say = (text: string) => void process.stderr.write(`${name}: ${text}\n`);
  const which = { parent: join(cache, 'bench'), name, requirements };
  const { python } = await prepareSmallEnvironment(which, { cache, environment: process.env, say });
  return python;
}
