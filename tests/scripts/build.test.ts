import { readdir, readFile, stat, symlink, utimes } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/package-root.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

/** A project as small as can be that is built like ours: one file that is needed at once, one that is needed later. */
let folder: TemporaryFolder;
const later = (text: string) => `export const said = '${text}';\n`;
const build = () => execa(process.execPath, ['scripts/build.mjs'], { cwd: folder.path });
const chunks = async () => (await readdir(join(folder.path, 'dist/cli'))).filter((name) => /^later/.test(name)).sort();
/** What the build calls the server that it brings elsewhere. */
const server = async () => (await execa(process.execPath, ['dist/cli/main.js', 'server'], { cwd: folder.path })).stdout;
const run = async () => (await execa(process.execPath, ['dist/cli/main.js'], { cwd: folder.path })).stdout;

/** Says what the file does; where that says "wrong", it is refused. */
const compiler = `
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
export function compileCatalogue() {
  const said = readFileSync(join(import.meta.dirname, '..', '..', 'catalogue/cwe/catalogue.yaml'), 'utf8');
  if (said === 'wrong') throw new Error('line 1 is wrong');
  return { said };
}`;
const catalogue = () => readFile(join(folder.path, 'dist/catalogue.json'), 'utf8');

beforeAll(async () => {
  folder = await temporaryFolder();
  await folder.write('package.json', '{ "type": "module" }\n');
  await folder.write('package-lock.json', '{}\n');
  await folder.write('scripts/build.mjs', await readFile(join(packageRoot, 'scripts/build.mjs'), 'utf8'));
  await folder.write(
    'src/cli/main.ts',
    "process.stdout.write(process.argv[2] === 'server' ? SERVE_SANDBOX : (await import('./later.js')).said);\n",
  );
  await folder.write('src/cli/later.ts', later('one'));
  await folder.write('src/cli/serve-sandbox.ts', "process.stdout.write((await import('./later.js')).said);\n");
  await folder.write('src/security/catalogue.ts', compiler);
  await folder.write('catalogue/cwe/catalogue.yaml', 'one');
  await symlink(join(packageRoot, 'node_modules'), join(folder.path, 'node_modules'));
  await build();
});
afterAll(() => folder[Symbol.asyncDispose]());

describe('the build', () => {
  it('does nothing when nothing has changed', async () => {
    const main = join(folder.path, 'dist/cli/main.js');
    const before = await stat(main);
    await build();
    expect((await stat(main)).ino).toBe(before.ino);
  });

  it('makes one file, which runs wherever it lies, of what is brought to other machines', async () => {
    await using elsewhere = await temporaryFolder();
    for (const name of ['serve-sandbox.mjs', await server()]) {
      const brought = await elsewhere.write('a.mjs', await readFile(join(folder.path, 'dist', name), 'utf8'));
      expect((await execa(process.execPath, [brought])).stdout).toBe('one');
    }
  });

  it('is made again after a change, and leaves alone what a process of the earlier build may still load', async () => {
    expect(await run()).toBe('one');
    const [first] = await chunks();
    const earlier = await server();
    await folder.write('src/cli/later.ts', later('two'));
    await build();
    expect(await run()).toBe('two');
    expect(await chunks()).toHaveLength(2);
    expect(await readFile(join(folder.path, 'dist/cli', first ?? ''), 'utf8')).toContain('one');
    expect(await server()).not.toBe(earlier);
    expect((await execa(process.execPath, [join('dist', earlier)], { cwd: folder.path })).stdout).toBe('one');
  });

  it('clears away what is older than any run, and what a build that was killed had begun', async () => {
    const old = await folder.write('dist/cli/old-ABCDEFGH.js', '');
    const half = await folder.write('dist/cli/main.js.7.unfinished', '');
    const young = await folder.write('dist/cli/young-ABCDEFGH.js', '');
    for (const path of [old, half]) await utimes(path, new Date(0), new Date(0));
    await folder.write('src/cli/later.ts', later('three'));
    await build();
    const names = await readdir(join(folder.path, 'dist/cli'));
    expect(names).toContain(basename(young));
    expect(names).not.toContain(basename(old));
    expect(names).not.toContain(basename(half));
  });

  it('keeps what the catalogue comes to, and nothing of one that is refused, which whoever reads it says', async () => {
    expect(await catalogue()).toBe('{"said":"one"}');
    await folder.write('catalogue/cwe/catalogue.yaml', 'wrong');
    expect((await build()).stderr).toContain('line 1 is wrong');
    await expect(catalogue()).rejects.toThrow('ENOENT');
    await folder.write('catalogue/cwe/catalogue.yaml', 'two');
    await build();
    expect(await catalogue()).toBe('{"said":"two"}');
    expect((await readdir(join(folder.path, 'dist/cli'))).filter((name) => name.startsWith('compiler'))).toEqual([]);
  });
});
