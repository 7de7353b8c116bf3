import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GO_BUILD_ENV, warmGoCache } from '../../../src/sandbox/go-cache.js';
import { packFolder } from '../../../src/sandbox/packs.js';
import { cacheDirectory } from '../../../src/setup/cache-directory.js';
import { precompiledHeaders } from '../../../src/suites/cweval/pack/headers-part.js';

const fixtures = join(import.meta.dirname, 'fixtures');

/** The libraries that C and C++ are linked with; our own tasks use none of them. */
const LIBRARIES = ['sqlite3', 'jwt', 'ssl', 'crypto', 'archive'];

/**
 * A pack for our own small tasks, made of what is here: the project's Python packages, and empty stand-ins for libraries. Gives what
 * programs outside of the sandbox have to see to find the same.
 */
export async function writeSmallPack(
  cacheFolder: string,
  checkout: string,
  interpreter: string,
): Promise<Record<string, string>> {
  const folder = packFolder(cacheFolder, 'cweval');
  for (const name of ['bin', 'lib']) mkdirSync(join(folder, name), { recursive: true });
  // The sandbox reads it as another user.
  chmodSync(cacheFolder, 0o755);
  for (const name of LIBRARIES) execFileSync('ar', ['rcs', join(folder, 'lib', `lib${name}.a`)]);
  for (const name of ['goimports', 'xml2-config'])
    writeFileSync(join(folder, 'bin', name), '#!/bin/sh\n', { mode: 0o755 });
  const environment = { ...process.env, PATH: `${join(folder, 'bin')}:${process.env.PATH}` };
  await precompiledHeaders(folder, checkout, { environment, say: () => undefined });
  const script = 'import sys, sysconfig; print(sys.base_prefix); print(sysconfig.get_paths()["purelib"])';
  const [prefix = '', site = ''] = execFileSync(interpreter, ['-c', script], { encoding: 'utf8' }).trim().split('\n');
  const [goRoot = '', version = ''] = execFileSync('go', ['env', 'GOROOT', 'GOVERSION'], { encoding: 'utf8' })
    .trim()
    .split('\n');
  const goCache = await warmGoCache(goRoot, version, cacheDirectory(process.env));
  mkdirSync(join(folder, 'go', 'build'), { recursive: true });
  const mounts = [
    { from: '.', to: '/opt/cweval' },
    { from: goCache, to: '/opt/cweval/go/build' },
    { from: goRoot, to: goRoot },
    { from: site, to: '/opt/site' },
    { from: join(fixtures, 'plugins'), to: '/opt/plugins' },
    ...(prefix.startsWith('/usr') ? [] : [{ from: prefix, to: prefix }]),
  ];
  const python = { LIBRARY_PATH: '/opt/cweval/lib', PYTHONPATH: '/opt/site:/opt/plugins', PYTEST_PLUGINS: 'timeouts' };
  const go = { ...GO_BUILD_ENV, GOROOT: goRoot, GOPATH: '/tmp/go', GOCACHE: '/tmp/go-build' };
  const path = ['/opt/cweval/bin', join(prefix, 'bin'), join(goRoot, 'bin')];
  const pack = { identity: 'small', mounts, path, env: { ...python, ...go } };
  writeFileSync(join(folder, 'pack.json'), JSON.stringify(pack));
  return {
    PATH: `${join(folder, 'bin')}:${join(prefix, 'bin')}:${process.env.PATH}`,
    LIBRARY_PATH: join(folder, 'lib'),
    PYTHONPATH: `${site}:${join(fixtures, 'plugins')}`,
    PYTEST_PLUGINS: 'timeouts',
    PYTHONDONTWRITEBYTECODE: '1',
    TZ: 'UTC',
    HOME: cacheFolder,
  };
}
