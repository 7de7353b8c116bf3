import { readdir, readFile, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/package-root.js';
import { packageVersion } from '../../src/cli/version.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

let folder: TemporaryFolder;
let clone: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  clone = join(folder.path, 'clone');
  // What git would bring to somebody else now, with its modes: neither the build nor anything else that is ignored.
  await execa('git', ['checkout-index', '--all', `--prefix=${clone}/`], { cwd: packageRoot });
});
afterAll(() => folder[Symbol.asyncDispose]());

const linkPackages = () => symlink(join(packageRoot, 'node_modules'), join(clone, 'node_modules'));
const unlinkPackages = () => rm(join(clone, 'node_modules'), { force: true });
const build = () => execa(process.execPath, ['scripts/build.mjs'], { cwd: clone });

async function started(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const options = { cwd: clone, env, stdin: 'ignore', reject: false } as const;
  const { exitCode, stdout, stderr } = await execa(program, args, options);
  return { exitCode, stdout, stderr };
}

const launcher = () => join(clone, 'bin', 'secpi.js');
const works = { exitCode: 0, stdout: packageVersion(), stderr: '' };
const notBuilt = {
  exitCode: 2,
  stdout: '',
  stderr: [
    'error: secpi is not set up in this folder yet',
    'hint: Run `npm run setup` in the folder of secpi; it takes a few minutes, once.',
    'code: usage/not-built',
  ].join('\n'),
};

describe('the launcher, in a fresh clone', () => {
  it('says what to do before anything is built, also in JSON', async () => {
    expect(await started(launcher(), ['--version'])).toEqual(notBuilt);
    const { exitCode, stdout, stderr } = await started(launcher(), ['status', '--json']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      type: 'error',
      code: 'usage/not-built',
      message: 'secpi is not set up in this folder yet',
      hint: expect.stringContaining('npm run setup'),
    });
  });

  it('is found by npx however early it was first typed, and needs the build and nothing else', async () => {
    await linkPackages();
    const env = {
      npm_config_cache: join(folder.path, 'npm'),
      npm_config_offline: 'true',
      npm_config_loglevel: 'silent',
    };
    const npx = () => started('npx', ['secpi', '--version'], env);
    expect(await npx()).toEqual(notBuilt);
    await build();
    expect(await npx()).toEqual(works);
    expect(await started(launcher(), ['--version'])).toEqual(works);
    await unlinkPackages();
    expect(await started(launcher(), ['--version'])).toEqual(works);
    // Through the parser of recipes and the zod schemas, with their words.
    const recipe = await folder.write('bad.yaml', 'collect: { sources: [] }\n');
    const { exitCode, stderr } = await started(launcher(), ['validate', recipe]);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('`name` is missing') });
    expect(stderr).toContain('too small: expected array to have >=1 items');
  });

  it('says that too many files are open, and does not take that for a broken build', async () => {
    await unlinkPackages();
    await linkPackages();
    await build();
    await unlinkPackages();
    const status = (limit: number, ...preload: readonly string[]) => {
      const command = [process.execPath, ...preload, launcher(), 'status', '--json'];
      return started('sh', ['-c', `ulimit -n ${limit}; exec "$@"`, 'sh', ...command]);
    };
    // The launcher has been read by then and asks which Node this is; of the program itself nothing can be read any more.
    const full = `import { openSync } from 'node:fs';
      const { versions } = process;
      const holdAll = () => { try { for (;;) openSync('/dev/null'); } catch { return versions; } };
      Object.defineProperty(process, 'versions', { get: holdAll });`;
    const { exitCode, stdout } = await status(64, '--import', `data:text/javascript,${encodeURIComponent(full)}`);
    expect({ exitCode, said: JSON.parse(stdout) }).toEqual({
      exitCode: 2,
      said: {
        type: 'error',
        code: 'files/too-many-open',
        message: expect.stringMatching(/^secpi cannot be loaded: .*too many open files/),
        hint: 'Raise the limit (`ulimit -n 4096`); then run the same command again.',
      },
    });
    // Where Node reads many files at once, it is those that the program consists of; where it needs all for itself, it says so.
    for (let limit = 20; limit <= 28; limit += 2) {
      const told = await status(limit);
      expect(told.stdout, `${limit}`).not.toMatch(/not-built|broken-build/);
    }
  });

  it('shows no stack trace when the build is damaged', async () => {
    await folder.write('clone/dist/cli/main.js', 'import {');
    const { exitCode, stderr } = await started(launcher(), ['--version']);
    expect({ exitCode, lines: stderr.split('\n').length }).toEqual({ exitCode: 2, lines: 3 });
    expect(stderr).toMatch(/^error: the build of secpi cannot be loaded: /);
  });

  it.each([
    ['20.18.3', 2],
    ['18.20.8', 2],
    ['20.19.0', 0],
    ['24.0.0', 0],
  ])('with Node %s ends with %i', async (version, code) => {
    const script = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
    const disguise = ['--import', `data:text/javascript,${encodeURIComponent(script)}`];
    // The set-up starts with the same check as the launcher; it would go on to install things with a Node that is new enough.
    for (const path of code === 0 ? ['bin/check-node.js'] : ['bin/secpi.js', 'scripts/setup.mjs', 'scripts/test.mjs']) {
      const { exitCode, stderr } = await started(process.execPath, [...disguise, path]);
      expect(exitCode, path).toBe(code);
      if (code === 2) expect(stderr).toContain(`error: secpi needs Node 20.19 or newer; this is ${version}\n`);
    }
  });
});

describe('bin/', () => {
  const read = (name: string) => readFile(join(packageRoot, name), 'utf8');

  it('loads nothing on the way to the program, so that it costs no time', async () => {
    const sources = await Promise.all((await readdir(join(packageRoot, 'bin'))).map((name) => read(`bin/${name}`)));
    const loaded = sources.flatMap((text) => [...text.matchAll(/\bimport\b[^';]*'([^']+)'/g)].map(([, name]) => name));
    const ours = loaded.filter((name) => name !== 'node:module' && name !== 'node:path');
    expect([...new Set(ours)].sort()).toEqual(['../dist/cli/main.js', './check-node.js', './refuse.js']);
  });

  it('asks for the Node that package.json asks for', async () => {
    const { engines } = JSON.parse(await read('package.json')) as { engines: { node: string } };
    expect(engines.node).toBe('>=20.19');
    expect(await read('bin/check-node.js')).toContain(`secpi needs Node ${engines.node.slice(2)} or newer`);
  });

  it('is the one place that knows where the program is built', async () => {
    const elsewhere = [
      'package.json',
      'scripts/bootstrap.mjs',
      'tests/support/run-cli.ts',
      'tests/e2e/secpi-process.ts',
    ];
    for (const path of elsewhere) expect(await read(path), path).not.toMatch(/dist\/cli|'dist', 'cli'/);
  });
});
