/**
 * A Go build cache with the standard library compiled, so that a build in the sandbox takes half a second instead of
 * twenty. It is made once per Go version by trusted code (nothing but `go build std`), shown read-only inside, and each
 * run works on links to it: what a run compiles is gone with the run.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { SecpiError } from '../base/errors.js';
import { sha256Json } from '../base/hash.js';
import { startProcess } from '../base/processes/child-process.js';

/** The settings that decide what a cache entry is good for; builds inside use the same. */
export const GO_BUILD_ENV: Readonly<Record<string, string>> = {
  CGO_ENABLED: '0',
  GOENV: 'off',
  GOFLAGS: '-mod=mod',
  GOPROXY: 'off',
  GOTELEMETRY: 'off',
  GOTOOLCHAIN: 'local',
};

const UNFINISHED_SECONDS = 3600;

/**
 * The folder of the warm cache for a Go installation; made when it is missing, which takes half a minute.
 *
 * @throws SecpiError `sandbox/go-cache` when the standard library does not build.
 */
export async function warmGoCache(goRoot: string, version: string, cacheFolder: string): Promise<string> {
  const key = sha256Json({ goRoot, version, env: GO_BUILD_ENV }).slice(0, 12);
  const folder = join(cacheFolder, `go-build-${version}-${key}`);
  if (existsSync(folder)) return folder;
  await mkdir(cacheFolder, { recursive: true });
  await removeUnfinished(folder);
  const unfinished = await mkdtemp(`${folder}.unfinished-`);
  try {
    const build = await startProcess({
      // The sandbox may read it as another user.
      argv: [
        '/bin/sh',
        '-c',
        'umask 022; chmod 755 "$GOCACHE"; exec "$@"',
        'sh',
        join(goRoot, 'bin/go'),
        'build',
        'std',
      ],
      cwd: join(goRoot, 'src'),
      env: {
        ...GO_BUILD_ENV,
        PATH: '/usr/bin:/bin',
        HOME: unfinished,
        GOROOT: goRoot,
        GOCACHE: unfinished,
        GOFLAGS: '',
      },
      stderr: { capture: { limitBytes: 4000, overflow: 'keep-tail' } },
      timeoutSeconds: 900,
      graceSeconds: 0,
    });
    const { exitCode, stderr } = await build.exited;
    if (exitCode !== 0) {
      throw new SecpiError('sandbox/go-cache', `Go cannot build its own standard library: ${stderr.trim()}`);
    }
    await rename(unfinished, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error; // another secpi was first
    });
    return folder;
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** What killed builds left behind. */
async function removeUnfinished(folder: string): Promise<void> {
  for (const name of await readdir(dirname(folder))) {
    if (!name.startsWith(`${basename(folder)}.unfinished-`)) continue;
    const path = join(dirname(folder), name);
    const age = Date.now() - ((await stat(path).catch(() => null))?.mtimeMs ?? Date.now());
    if (age > UNFINISHED_SECONDS * 1000) await rm(path, { recursive: true, force: true });
  }
}
