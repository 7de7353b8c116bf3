import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSandbox } from '../../src/sandbox/open-sandbox.js';
import { packFolder, readPacks } from '../../src/sandbox/packs.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { describeSandbox, exited, never, python } from './real-sandbox.js';

function pack(cache: string, name: string, description: object | string): void {
  const folder = packFolder(cache, name);
  mkdirSync(join(folder, 'files/bin'), { recursive: true });
  writeFileSync(join(folder, 'files/bin/greet'), '#!/bin/sh\necho hello from a pack\n', { mode: 0o755 });
  const text = typeof description === 'string' ? description : JSON.stringify(description);
  writeFileSync(join(folder, 'pack.json'), text);
}

const plain = { identity: 'one 1', mounts: [{ from: 'files', to: '/opt/one' }] };

describeSandbox('packs', () => {
  it('are shown read-only to runs that ask for them, and to no others', async () => {
    await using cache = await temporaryFolder();
    pack(cache.path, 'one', {
      ...plain,
      mounts: [...plain.mounts, { from: 'files', to: '/box/there/files' }],
      path: ['/opt/one/bin'],
      env: { ONE: 'yes' },
    });
    mkdirSync(join(cache.path, 'packs/half'));
    const sandbox = await openSandbox({ languages: ['python'], cacheFolder: cache.path });
    expect(sandbox.packs).toEqual({ one: 'one 1' });

    const program = `
import os, subprocess
print(subprocess.run(["greet"], capture_output=True, text=True).stdout, os.environ["ONE"], os.listdir("there/files"), open("there/mine").read())
for path in ("/opt/one/bin/greet", "/opt/one/new", "there/files/new"):
    try: open(path, "w")
    except OSError as error: print(error.errno)
`;
    const files = [{ path: 'there/mine', content: 'mine' }];
    const shown = await sandbox.run(python(program, { packs: ['one'], files }), never);
    expect(shown).toMatchObject({
      ...exited(),
      stdout: "hello from a pack\n yes ['bin'] mine\n30\n30\n30\n",
      stderr: '',
    });
    const none = await sandbox.run(python('import os; print(os.path.exists("/opt"), os.environ.get("ONE"))'), never);
    expect(none.stdout).toBe('False None\n');

    const bare = { toolchain: null, argv: ['greet'], files: [], packs: ['one'] };
    expect((await sandbox.run(bare, never)).stdout).toBe('hello from a pack\n');
    await expect(sandbox.run({ ...bare, packs: ['two'] }, never)).rejects.toMatchObject({ code: 'sandbox/no-pack' });
  });
});

describe('readPacks', () => {
  it.each([
    ['no JSON', '{'],
    ['no identity', { mounts: [] }],
    ['a place that the sandbox needs', { ...plain, mounts: [{ from: 'files', to: '/proc/1' }] }],
    ['a way out', { ...plain, mounts: [{ from: 'files', to: '/opt/../etc' }] }],
    ['a variable that is none', { ...plain, env: { 'A=B': '' } }],
  ])('refuses a pack with %s', async (_, description) => {
    await using cache = await temporaryFolder();
    pack(cache.path, 'bad', description);
    expect(() => readPacks(cache.path)).toThrow(expect.objectContaining({ code: 'sandbox/bad-pack' }));
  });
});
