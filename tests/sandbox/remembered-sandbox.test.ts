import { appendFile, chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sandboxFacts } from '../../src/sandbox/remembered-sandbox.js';
import type { Sandbox, SandboxLevel } from '../../src/sandbox/sandbox.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const level: SandboxLevel = {
  kind: 'bubblewrap',
  version: '0.8.0',
  network: 'none',
  seccomp: true,
  unprivileged: true,
  memory: 'watched',
  notes: ['a note'],
};

/** A machine whose programs are files of the test. */
async function machine(folder: string) {
  const bin = join(folder, 'bin');
  await mkdir(bin);
  for (const name of ['bwrap', 'gcc', 'python3']) {
    await writeFile(join(bin, name), `#!/bin/sh\necho ${name}\n`);
    await chmod(join(bin, name), 0o755);
  }
  let opened = 0;
  const toolchains: Partial<Record<'c' | 'python', string>> = { python: '3.11.7' };
  const facts = (path = bin, withoutIsolation = false) =>
    sandboxFacts({
      cacheFolder: join(folder, 'cache'),
      path,
      withoutIsolation,
      open: async () => {
        opened += 1;
        return {
          level,
          toolchains,
          packs: {},
          run: () => Promise.reject(),
          prepare: () => Promise.reject(),
        } as Sandbox;
      },
    });
  return { bin, facts, opened: () => opened };
}

describe('sandboxFacts', () => {
  it('opens the sandbox once, and then knows', async () => {
    await using folder = await temporaryFolder();
    const { facts, opened } = await machine(folder.path);
    const first = await facts();
    expect(first).toEqual({ level, toolchains: { python: '3.11.7' }, packs: {} });
    expect(await facts()).toMatchObject(first);
    expect(opened()).toBe(1);
  });

  it('looks again when a program was changed, came or went, or is looked for elsewhere', async () => {
    await using folder = await temporaryFolder();
    const { bin, facts, opened } = await machine(folder.path);
    await facts();
    await appendFile(join(bin, 'bwrap'), '# a newer one');
    await facts();
    expect(opened()).toBe(2);
    await writeFile(join(bin, 'go'), '');
    await chmod(join(bin, 'go'), 0o755);
    await facts();
    expect(opened()).toBe(3);
    await facts(`${bin}:/nowhere`);
    expect(opened()).toBe(4);
  });

  it('does not tell who wants isolation what was found by somebody who can do without', async () => {
    await using folder = await temporaryFolder();
    const { bin, facts, opened } = await machine(folder.path);
    await facts(bin, true);
    await facts(bin, false);
    expect(opened()).toBe(2);
  });

  it('looks again when the memory is torn, of another boot, or cannot be kept', async () => {
    await using folder = await temporaryFolder();
    const { facts, opened } = await machine(folder.path);
    await facts();
    const memory = join(folder.path, 'cache', 'sandbox.json');
    const text = await readFile(memory, 'utf8');
    await writeFile(memory, text.slice(0, 40));
    await facts();
    expect(opened()).toBe(2);
    await writeFile(memory, text.replace(/"machine": "..../, '"machine": "0000'));
    await facts();
    expect(opened()).toBe(3);

    await using other = await temporaryFolder();
    const elsewhere = await machine(other.path);
    await writeFile(join(other.path, 'cache'), 'a file where the folder should be');
    expect(await elsewhere.facts()).toMatchObject({ level });
    await elsewhere.facts();
    expect(elsewhere.opened()).toBe(2);
  });
});
