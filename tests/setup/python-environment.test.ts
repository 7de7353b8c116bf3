import { chmod, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cacheDirectory } from '../../src/setup/cache-directory.js';
import { findPythonEnvironment, preparePythonEnvironment } from '../../src/setup/python-environment.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

/**
 * A stand-in for Python, because the real set-up downloads gigabytes: it says its version, makes a folder for `-m venv`, and
 * writes down what pip is asked for. `FAIL` names a text in pip's arguments at which it fails.
 */
const standIn = `#!/bin/sh
echo "$@" >>"$LOG"
case "$1 $2" in
  "-c "*) [ -n "$VERSION" ] || exit 1; echo "$0 $VERSION" ;;
  "-m venv") [ ! -e "$3" ] || { echo "there is something already" >&2; exit 1; }; mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  "-m pip")
    echo "Collecting the-package"
    echo "noise that nobody wants to see"
    case "$*" in *"$FAIL"*) echo "ERROR: no matching distribution" >&2; exit 1 ;; esac ;;
esac
`;

let folder: TemporaryFolder;
let said: string[];
beforeEach(async () => {
  folder = await temporaryFolder();
  said = [];
  await chmod(await folder.write('bin/python3', standIn), 0o755);
  await chmod(await folder.write('bin/uv', '#!/bin/sh\nexit 1\n'), 0o755);
});
afterEach(() => folder[Symbol.asyncDispose]());

const nowhere = 'http://127.0.0.1:9';
const log = async () =>
  (await readFile(join(folder.path, 'log.txt'), 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
/** What pip was asked to install, in order. */
const installed = async () =>
  (await log())
    .filter((line) => line.startsWith('-m pip'))
    .map((line) => line.replace(/^.*--disable-pip-version-check /, ''));

const prepare = (options: { development?: boolean; fail?: string; version?: string; torchIndex?: string } = {}) =>
  preparePythonEnvironment({
    cache: join(folder.path, 'cache'),
    development: options.development ?? false,
    say: (line) => said.push(line),
    torchIndex: options.torchIndex ?? nowhere,
    environment: {
      PATH: `${join(folder.path, 'bin')}:/usr/bin:/bin`,
      LOG: join(folder.path, 'log.txt'),
      VERSION: options.version ?? '3.12.1',
      FAIL: options.fail ?? 'nothing fails',
    },
  });

describe('the Python environment', () => {
  it('is not set up at first, and says what to do', async () => {
    await expect(findPythonEnvironment(join(folder.path, 'cache'))).rejects.toMatchObject({
      code: 'python/not-set-up',
      hint: expect.stringContaining('secpi setup'),
    });
  });

  it('is made once, under a name that follows from what is in it, with torch first', async () => {
    const made = await prepare();
    expect(made.folder).toMatch(new RegExp(`^${join(folder.path, 'cache', 'python')}/[0-9a-f]{16}$`));
    expect(made.python).toBe(join(made.folder, 'bin', 'python'));
    expect(await findPythonEnvironment(join(folder.path, 'cache'))).toEqual(made);
    expect(await installed()).toEqual([
      expect.stringMatching(/^torch==\d+\.\d+\.\d+$/),
      expect.stringMatching(/^-r .*trainers\/requirements\.lock$/),
    ]);
    expect(said[0]).toBe(`Python 3.12.1: making an environment in ${made.folder}`);
    expect(said).toContain('  Collecting the-package');
    expect(said.join('\n')).not.toContain('noise');

    const before = await log();
    said = [];
    expect(await prepare()).toEqual(made);
    expect(await log()).toEqual(before);
    expect(said).toEqual([]);
  });

  it('is made with uv where that is installed', async () => {
    const uv = `#!/bin/sh\necho "uv $@" >>"$LOG"\n[ "$1" != venv ] || mkdir -p "$4/bin"\n`;
    await chmod(await folder.write('bin/uv', uv), 0o755);
    const made = await prepare();
    const lines = await log();
    expect(lines).toContain(`uv venv --python ${join(folder.path, 'bin', 'python3')} ${made.folder}`);
    expect(lines.at(-1)).toMatch(new RegExp(`^uv pip install --python ${made.python} -r .*requirements\\.lock$`));
    expect(await installed()).toEqual([]);
  });

  it('takes the build without CUDA where there is one', async () => {
    const server = createServer((_request, response) => response.end()).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      const torchIndex = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      await prepare({ torchIndex });
      const [first] = await installed();
      // With a GPU, or off Linux, the ordinary build is the right one.
      if (said.some((line) => line.includes('CPU build'))) expect(first).toMatch(`--index-url ${torchIndex} torch==`);
      else expect(first).toMatch(/^torch==/);
    } finally {
      server.close();
    }
  });

  it('gets the tools for the tests when they are asked for, without anything twice', async () => {
    await prepare();
    await prepare({ development: true });
    expect((await installed()).slice(2)).toEqual([expect.stringContaining('requirements-dev.lock')]);
    const before = await log();
    await prepare({ development: true });
    expect(await log()).toEqual(before);
  });

  it('shows the end of what pip said when it fails, and starts afresh the next time', async () => {
    await expect(prepare({ fail: 'requirements.lock' })).rejects.toMatchObject({
      code: 'python/set-up-failed',
      message: expect.stringMatching(/pip install[\s\S]*ERROR: no matching distribution/),
      hint: expect.stringContaining('started again'),
    });
    await expect(findPythonEnvironment(join(folder.path, 'cache'))).rejects.toMatchObject({
      code: 'python/not-set-up',
    });
    // The stand-in refuses to make an environment where one is: the remains have to go first.
    const made = await prepare();
    expect(await findPythonEnvironment(join(folder.path, 'cache'))).toEqual(made);
  });

  it('is made by one of two that are started together', async () => {
    const [one, other] = await Promise.all([prepare(), prepare()]);
    expect(one).toEqual(other);
    expect((await log()).filter((line) => line.startsWith('-m venv'))).toHaveLength(1);
    expect(said.some((line) => line.includes('is setting Python up already'))).toBe(true);
  });

  it.each([['3.9.18'], ['3.14.0'], ['']])('is not made with Python %s', async (version) => {
    await rm(join(folder.path, 'bin', 'python3'));
    // Only the stand-in is on this PATH, under the last of the names that are tried.
    await chmod(await folder.write('only/python', standIn), 0o755);
    const making = preparePythonEnvironment({
      cache: join(folder.path, 'cache'),
      development: false,
      say: (line) => said.push(line),
      environment: { PATH: join(folder.path, 'only'), LOG: join(folder.path, 'log.txt'), VERSION: version },
    });
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
