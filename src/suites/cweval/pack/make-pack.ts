import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256, sha256Json } from '../../../base/hash.js';
import { packageRoot } from '../../../base/package-root.js';
import { newPack } from '../../../sandbox/new-pack.js';
import { runStep, type SetUpContext } from '../../../setup/set-up-step.js';
import { PACK } from '../judge.js';
import { findGo, GO_ENV, goCache, goModules } from './go-part.js';
import { precompiledHeaders } from './headers-part.js';
import { findPython, makePython } from './python-part.js';
import { takeRecheck } from './recheck-part.js';
import { findLibraries } from './system-part.js';

/** Where the pack is seen in the sandbox. */
const INSIDE = '/opt/cweval';

/** Lock files of ours; data, not code, so they are read where they stand. */
const locks = join(packageRoot, 'src', 'suites', 'cweval', 'pack', 'locks');
const pipLock = join(locks, 'requirements.lock');
const npmLocks = ['package.json', 'package-lock.json'].map((name) => join(locks, name));

export interface MakePackOptions extends SetUpContext {
  readonly cache: string;
  /** CWEval's files. */
  readonly checkout: string;
  readonly signal: AbortSignal;
}

/**
 * Makes the pack that CWEval's tests need: a Python with the packages that tests and answers import, the npm packages in versions that the official
 * references pass with, Go's modules with what it has compiled of them, and the judge of regular expressions. Ten minutes, once. Gives what a
 * person should know of it.
 * @throws SecpiError `suites/cweval-needs` for what has to be installed first; `python/set-up-failed` for a step that failed.
 */
export async function makePack(options: MakePackOptions): Promise<readonly string[]> {
  const { cache, checkout, say } = options;
  const libraries = await findLibraries(options);
  const python = await findPython(options);
  const go = await findGo(options);
  return newPack(cache, PACK, async (folder, unfinished) => {
    say(`installing what tests and answers import into a Python ${python.version}`);
    await makePython(python, join(folder, 'python'), pipLock, options);
    say('installing npm packages; sqlite3 is compiled where it cannot be fetched, which takes minutes');
    await installNpm(join(folder, 'node'), options);
    const recheck = await takeRecheck(folder, checkout, join(folder, 'node'));
    say('compiling the headers of C and C++');
    await precompiledHeaders(folder, checkout, options);
    say("fetching Go's modules");
    await goModules(folder, checkout, options);
    const identity = sha256Json({
      python: python.version,
      pip: sha256(await readFile(pipLock)),
      npm: sha256(await readFile(npmLocks[1] ?? '')),
      recheck: recheck.hash,
      go: go.version,
      libraries,
    });
    const description = {
      identity,
      mounts: [
        { from: '.', to: INSIDE },
        { from: 'recheck', to: '/box/third_party/recheck-linux-x64' },
        ...[...python.mounts, ...go.mounts].map((path) => ({ from: path, to: path })),
      ],
      path: [`${INSIDE}/python/bin`, `${INSIDE}/bin`, join(go.root, 'bin')],
      env: {
        ...GO_ENV,
        GOROOT: go.root,
        GOMODCACHE: `${INSIDE}/go/mod`,
        NODE_PATH: `${INSIDE}/node/node_modules`,
        // What is looked for in each start otherwise.
        PYTEST_DISABLE_PLUGIN_AUTOLOAD: '1',
        PYTEST_PLUGINS: 'pytest_timeout',
      },
    };
    await writeFile(join(folder, 'pack.json'), `${JSON.stringify(description, null, 2)}\n`);
    say("compiling Go's standard library and those modules in the sandbox, which takes minutes");
    await goCache(unfinished, folder, checkout, options.signal);
    return recheck.isOfficial
      ? []
      : [
          'the judge of regular expressions is that of npm: this source lacks the one of CWEval (third_party/recheck-linux-x64)',
        ];
  });
}

async function installNpm(folder: string, options: SetUpContext): Promise<void> {
  await mkdir(folder);
  for (const path of npmLocks) await writeFile(join(folder, path.slice(locks.length + 1)), await readFile(path));
  await runStep(['npm', 'ci', '--prefix', folder, '--omit=dev', '--no-audit', '--no-fund'], options);
  // What compiling leaves: ten times what is used.
  const built = join(folder, 'node_modules', 'sqlite3', 'build', 'Release');
  for (const name of ['obj', 'obj.target', 'sqlite3.a']) await rm(join(built, name), { recursive: true, force: true });
}
