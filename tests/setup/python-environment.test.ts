import { chmod, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/package-root.js';
import { cacheDirectory } from '../../src/setup/cache-directory.js';
import { lockFileOf, type PackageSet, pinnedPackages } from '../../src/setup/pinned-packages.js';
import { findPythonEnvironment, preparePythonEnvironment } from '../../src/setup/python-environment.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { type StandIns, standInPython, standIns } from './fixtures/stand-ins.js';

let folder: TemporaryFolder;
let there: StandIns;
let said: string[];
beforeEach(async () => {
  folder = await temporaryFolder();
  there = await standIns(folder);
  said = [];
});
afterEach(() => folder[Symbol.asyncDispose]());

const nowhere = 'http://127.0.0.1:9';
const cache = () => join(folder.path, 'cache');

interface Given {
  readonly development?: boolean;
  readonly packages?: PackageSet;
  readonly torchIndex?: string;
  readonly variables?: Readonly<Record<string, string>>;
}

const prepare = ({ development = false, packages = 'trainers', torchIndex = nowhere, variables = {} }: Given = {}) =>
  preparePythonEnvironment({
    cache: cache(),
    packages,
    development,
    say: (line) => said.push(line),
    torchIndex,
    environment: { ...there.environment, ...variables },
  });
const withPip = (given: Given = {}) => prepare({ ...given, variables: { ...given.variables, SECPI_INSTALLER: 'pip' } });
/** What uv was asked to install, in order. */
const installedByUv = async () =>
  (await there.calls()).flatMap(
    (line) => /^uv pip install --compile-bytecode --python \S+ (.*)$/.exec(line)?.[1] ?? [],
  );

describe('the Python environment', () => {
  it('is not set up at first, and says what to do', async () => {
    await expect(findPythonEnvironment(cache())).rejects.toMatchObject({
      code: 'python/not-set-up',
      hint: expect.stringContaining('secpi setup'),
    });
  });

  it('is made once, under a name that follows from what is in it', async () => {
    const made = await prepare();
    expect(made.folder).toMatch(new RegExp(`^${join(cache(), 'python')}/[0-9a-f]{16}$`));
    expect(made.python).toBe(join(made.folder, 'bin', 'python'));
    expect(await findPythonEnvironment(cache())).toEqual(made);
    const calls = await there.calls();
    expect(calls).toContain(`uv venv --python ${join(folder.path, 'bin', 'python3')} ${made.folder}`);
    expect(await installedByUv()).toEqual([expect.stringMatching(/^-r .*trainers\/requirements\.lock$/)]);
    expect(await there.installedByPip()).toEqual([]);
    expect(said).toContain(`Python 3.12.1: making an environment in ${made.folder}`);
    expect(said).toContain('  Prepared 3 packages in 1s');

    said = [];
    expect(await prepare()).toEqual(made);
    expect(await there.calls()).toEqual(calls);
    expect(said).toEqual([]);
  });

  it('is made with pip where uv is not wanted', async () => {
    const made = await withPip();
    expect(await findPythonEnvironment(cache())).toEqual(made);
    expect(await there.installedByPip()).toEqual([expect.stringMatching(/^-r .*trainers\/requirements\.lock$/)]);
    expect((await there.calls()).filter((line) => line.includes('uv'))).toEqual([]);
    expect(said).toContain('  Collecting the-package');
    expect(said.join('\n')).not.toContain('noise');
  });

  it('takes the build without CUDA where there is one, also when uv is configured with another index', async () => {
    const server = createServer((_request, response) => response.end()).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      const torchIndex = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      await prepare({ torchIndex, variables: { UV_DEFAULT_INDEX: 'http://elsewhere' } });
      // With a GPU, or off Linux, the ordinary build is the right one.
      if (!said.some((line) => line.includes('CPU build'))) return;
      const lock = expect.stringContaining('requirements.lock');
      expect(await installedByUv()).toEqual([
        expect.stringMatching(new RegExp(`^--index-url ${torchIndex} torch==\\d+\\.\\d+\\.\\d+$`)),
        lock,
      ]);
      // Twice, not three times: uv would rather take the variable than the argument.
      expect((await there.variables()).match(/^UV_DEFAULT_INDEX=http:\/\/elsewhere$/gm)).toHaveLength(2);
      await rm(cache(), { recursive: true });
      await withPip({ torchIndex });
      expect(await there.installedByPip()).toEqual([expect.stringMatching(`^--index-url ${torchIndex} torch==`), lock]);
    } finally {
      server.close();
    }
  });

  it('gets the tools for the tests when they are asked for, without anything twice', async () => {
    const { folder: made } = await prepare();
    await prepare({ development: true });
    expect((await installedByUv()).slice(1)).toEqual([
      expect.stringMatching(/^-r .*requirements-dev\.lock$/),
      // Not into the environment itself: no user has it.
      expect.stringMatching(
        new RegExp(`^--no-deps --no-build-isolation --target ${made}/deepspeed -r .*requirements-deepspeed\\.lock$`),
      ),
    ]);
    const before = await there.calls();
    await prepare({ development: true });
    expect(await there.calls()).toEqual(before);
  });

  it('gets them by pip too when uv has made it, which leaves pip out', async () => {
    await prepare();
    await withPip({ development: true });
    expect(await there.installedByPip()).toEqual([
      expect.stringContaining('requirements-dev.lock'),
      expect.stringContaining('requirements-deepspeed.lock'),
    ]);
    expect((await there.calls()).filter((line) => line === '-m ensurepip')).toHaveLength(1);
  });

  it('of Axolotl is one of its own, with what its lock says and no more', async () => {
    const ours = await prepare();
    await expect(findPythonEnvironment(cache(), 'axolotl')).rejects.toMatchObject({
      code: 'python/not-set-up',
      hint: expect.stringContaining('secpi setup --axolotl'),
    });
    const made = await prepare({ packages: 'axolotl', development: true });
    expect(made.folder).not.toBe(ours.folder);
    expect(await findPythonEnvironment(cache(), 'axolotl')).toEqual(made);
    expect(await findPythonEnvironment(cache())).toEqual(ours);
    expect((await installedByUv()).slice(1)).toEqual([
      expect.stringMatching(/^torch==\d+\.\d+\.\d+$/),
      expect.stringMatching(/^--no-deps -r .*requirements-axolotl\.lock$/),
      expect.stringMatching(/^--no-deps iniconfig==\S+ pluggy==\S+ pytest==\S+$/),
    ]);
  });

  it('of Axolotl has the pins that the whole of Axolotl was resolved to, and the torch of the trainers', async () => {
    const pins = await pinnedPackages('axolotl');
    const image = (await readFile(join(packageRoot, 'docker', 'axolotl', 'requirements.lock'), 'utf8')).split('\n');
    expect(Object.keys(pins).length).toBeGreaterThan(80);
    for (const [name, version] of Object.entries(pins)) expect(image).toContain(`${name}==${version}`);
    expect(pins.torch).toBe((await pinnedPackages('trainers')).torch);
    expect(await readFile(lockFileOf('axolotl'), 'utf8')).not.toMatch(/https?:|--index/);
  });

  it.each([
    ['uv', /uv pip install[\s\S]*error: no solution found/],
    ['pip', /-m pip install[\s\S]*ERROR: no matching distribution/],
  ])('shows the end of what %s said when it fails, and starts afresh the next time', async (installer, message) => {
    const attempt = installer === 'pip' ? withPip : prepare;
    await expect(attempt({ variables: { FAIL: 'requirements.lock' } })).rejects.toMatchObject({
      code: 'python/set-up-failed',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(/started again.*SECPI_INSTALLER=pip/),
    });
    await expect(findPythonEnvironment(cache())).rejects.toMatchObject({ code: 'python/not-set-up' });
    // The stand-in refuses to make an environment where one is: the remains have to go first.
    const made = await withPip();
    expect(await findPythonEnvironment(cache())).toEqual(made);
  });

  it('is made by one of two that are started together', async () => {
    const [one, other] = await Promise.all([prepare(), prepare()]);
    expect(one).toEqual(other);
    expect((await there.calls()).filter((line) => line.startsWith('uv venv'))).toHaveLength(1);
    expect(said.some((line) => line.includes('is setting Python up already'))).toBe(true);
  });

  it.each([['3.9.18'], ['3.14.0'], ['']])('is not made with Python %s', async (version) => {
    // Only the stand-in is on this PATH, under the last of the names that are tried.
    await chmod(await folder.write('only/python', standInPython), 0o755);
    const making = prepare({ variables: { PATH: join(folder.path, 'only'), VERSION: version } });
    await expect(making).rejects.toMatchObject({
      code: 'python/not-found',
      hint: expect.stringContaining('python3-venv'),
    });
    expect(said).toEqual([]);
  });
});

describe('the cache', () => {
  it('stands where the user says, else where caches stand', () => {
    expect(cacheDirectory({ SECPI_CACHE: '/a', XDG_CACHE_HOME: '/b' })).toBe('/a');
    expect(cacheDirectory({ XDG_CACHE_HOME: '/b' })).toBe('/b/secpi');
    expect(cacheDirectory({ XDG_CACHE_HOME: '' })).toMatch(/\/\.cache\/secpi$/);
  });
});
