import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkSystemPackages, installSystemPackages } from '../../src/setup/system-packages.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

const isRoot = process.getuid?.() === 0;
const sudo = isRoot ? '' : 'sudo ';
const bin = () => join(folder.path, 'bin');
const environment = () => ({ PATH: bin(), LOG: join(folder.path, 'log.txt') });

/** A program on the PATH of these tests, which holds nothing else. */
async function program(name: string, script = 'exit 0'): Promise<void> {
  await chmod(await folder.write(`bin/${name}`, `#!/bin/sh\n${script}\n`), 0o755);
}

/** A package manager that writes down its arguments and brings the programs it is told to. */
const bringing = (names: string) =>
  `echo "$(/usr/bin/basename "$0") $*" >>"$LOG"
case "$1" in install|add|-S) for name in ${names}; do /bin/cp "$0" "${bin()}/$name"; done ;; esac`;

const log = async () => (await readFile(join(folder.path, 'log.txt'), 'utf8').catch(() => '')).trim().split('\n');

describe('system packages', () => {
  it('are complete where every program is there', async () => {
    for (const name of ['bwrap', 'gcc', 'g++', 'go', 'apt-get']) await program(name);
    expect(await checkSystemPackages(environment())).toEqual({ missing: [], installCommand: undefined });
  });

  it('are named with their purpose and the one command that brings them', async () => {
    await program('gcc');
    await program('apt-get');
    const { missing, installCommand } = await checkSystemPackages(environment());
    expect(missing).toEqual([
      { program: 'bwrap', purpose: expect.stringContaining('sandbox') },
      { program: 'g++', purpose: 'scoring C++' },
      { program: 'go', purpose: 'scoring Go' },
    ]);
    expect(installCommand).toBe(`${sudo}apt-get install -y --no-install-recommends bubblewrap g++ golang-go`);
  });

  it('are asked of the manager that this system has', async () => {
    await program('dnf');
    expect((await checkSystemPackages(environment())).installCommand).toBe(
      `${sudo}dnf install -y bubblewrap gcc gcc-c++ golang`,
    );
  });

  it('names each package once', async () => {
    await program('apk');
    expect((await checkSystemPackages(environment())).installCommand).toBe(`${sudo}apk add bubblewrap build-base go`);
  });

  it('have no command where no manager is known, or none has the package', async () => {
    expect((await checkSystemPackages(environment())).installCommand).toBeUndefined();
    for (const name of ['gcc', 'g++', 'go', 'brew']) await program(name);
    const checked = await checkSystemPackages(environment());
    expect(checked.missing.map(({ program: name }) => name)).toEqual(['bwrap']);
    expect(checked.installCommand).toBeUndefined();
    expect(await installSystemPackages(() => undefined, environment())).toEqual(checked);
  });

  it('are installed without a question, and looked for again', async () => {
    await program('gcc');
    await program('sudo', '[ "$1" = -n ] || exit 1; shift; [ "$1" = true ] && exit 0; exec "$@"');
    await program('apt-get', bringing('bwrap g++'));
    const said: string[] = [];
    const after = await installSystemPackages((line) => said.push(line), environment());
    expect(await log()).toEqual([
      'apt-get update',
      'apt-get install -y --no-install-recommends bubblewrap g++ golang-go',
    ]);
    expect(after.missing.map(({ program: name }) => name)).toEqual(['go']);
    expect(said[1]).toContain('apt-get install -y');
  });

  it.skipIf(isRoot)('are left alone when sudo would ask for a password', async () => {
    await program('sudo', 'exit 1');
    await program('apt-get', bringing('bwrap'));
    const after = await installSystemPackages(() => undefined, environment());
    expect(after.installCommand).toMatch(/^sudo apt-get install/);
    expect(await log()).toEqual(['']);
  });
});
