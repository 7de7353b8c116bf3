import { chmod, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newerNode } from '../../scripts/newer-node.js';
import { packageRoot } from '../../src/base/package-root.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

/** Stands for npm: notes its arguments, and "installs" a program that says it is the version that was asked for, or another. */
const npm = `#!/bin/sh
echo "$*" >>"$LOG"
[ -z "$REFUSE" ] || { echo "npm error 404 no such package" >&2; exit 1; }
for last in "$@"; do :; done
bin="$3/node_modules/\${last%@*}/bin"
mkdir -p "$bin"
printf '#!/bin/sh\\necho v%s\\n' "\${BRING:-\${last#*@}}" >"$bin/node"
chmod +x "$bin/node"
`;

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
  await chmod(await folder.write('bin/npm', npm), 0o755);
});
afterEach(() => folder[Symbol.asyncDispose]());

const find = (variables: Readonly<Record<string, string>> = {}) =>
  newerNode({
    SECPI_CACHE: join(folder.path, 'cache'),
    PATH: `${join(folder.path, 'bin')}:/usr/bin:/bin`,
    LOG: join(folder.path, 'log.txt'),
    ...variables,
  });
const calls = async () => (await readFile(join(folder.path, 'log.txt'), 'utf8')).trim().split('\n');

describe('the newer Node', () => {
  it('is fetched once, in the version that is pinned, and into the cache alone', async () => {
    const program = await find();
    const name = `node-${process.platform}-${process.arch}`;
    const home = /^(.*\/cache\/node\/24\.\d+\.\d+)\/node_modules\//.exec(program)?.[1] ?? '';
    expect(program).toBe(join(home, 'node_modules', name, 'bin', 'node'));
    expect(await Promise.all([find(), find()])).toEqual([program, program]);
    expect(await calls()).toEqual([
      expect.stringMatching(new RegExp(`^install --prefix ${home} --no-save .* ${name}@${home.split('/').at(-1)}$`)),
    ]);
  });

  it('is missed loudly when it cannot be had, and looked for again the next time', async () => {
    await expect(find({ REFUSE: 'yes' })).rejects.toThrow(/cannot be fetched: npm install[\s\S]*404 no such package/);
    await expect(find({ BRING: '18.0.0' })).rejects.toThrow('was fetched and does not start');
    expect(await find()).toContain('/24.');
  });
});

describe('npm test', () => {
  const read = (name: string) => readFile(join(packageRoot, name), 'utf8');

  it('runs the fast tests with it, as a runner of its own', async () => {
    expect(await read('scripts/test.mjs')).toMatch(/^ {2}vitest\('vitest-node-24', 'newer-node', newerNode\),$/m);
    // All but a few files, which are named and are there.
    const [, list = ''] = /const notOfNode = \[([^\]]*)\]/.exec(await read('vitest.config.ts')) ?? [];
    const left = [...list.matchAll(/'([^']+)'/g)].map(([, file]) => file ?? '');
    const all = (await readdir(join(packageRoot, 'tests'), { recursive: true })).filter((file) =>
      file.endsWith('.test.ts'),
    );
    expect(left.length).toBeLessThan(all.length / 10);
    for (const file of left) expect(all.map((one) => `tests/${one}`)).toContain(file);
  });

  it('has the parts that CONTRIBUTING.md names', async () => {
    const source = await read('scripts/test.mjs');
    const list = source.slice(
      source.indexOf('const runners = ['),
      source.indexOf('];\n', source.indexOf('const runners')),
    );
    const runners = [...list.matchAll(/^ {2}\w+\('([a-z0-9-]+)'/gm)].map(([, name]) => name);
    const row = /^\| `npm test -- --only=vitest` \| one part: (.*) \|$/m.exec(await read('CONTRIBUTING.md'))?.[1] ?? '';
    expect(runners.length).toBeGreaterThan(5);
    expect([...row.matchAll(/`([a-z0-9-]+)`/g)].map(([, name]) => name)).toEqual(runners);
  });
});
