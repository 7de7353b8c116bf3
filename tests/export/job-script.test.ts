import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { sha256 } from '../../src/base/hash.js';
import { checksumLine } from '../../src/export/checksums.js';
import { preparation, quoted, runCommand } from '../../src/export/job-script.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { clusterJob } from './cluster-job.js';
import { hostileName, hostileText } from './hostile-text.js';

const shells = ['sh', 'bash'];

function run(shell: string, script: string, cwd: string) {
  const { status, stdout, stderr } = spawnSync(shell, ['-c', `set -eu\n${script}`], {
    cwd,
    encoding: 'utf8',
    // A bash with a socket there reads its user's settings.
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, CANARY: 'not-in-the-job' },
  });
  return { status, stdout, stderr };
}

describe('the script of a job', () => {
  it('writes the recipe byte by byte and runs nothing of it', async () => {
    await using folder = await temporaryFolder();
    const texts = fc.oneof(
      hostileText.map((description) => stringify({ description })),
      // Not only what we write ourselves: whatever has no NUL and ends its last line.
      hostileText.map((text) => `${text.replaceAll('\0', '')}\n`),
    );
    await fc.assert(
      fc.asyncProperty(texts, fc.constantFrom(...shells), async (text, shell) => {
        const { status, stderr } = run(
          shell,
          preparation(clusterJob({ recipe: { text, inputs: [], variables: [] } }), { values: 'values' }),
          folder.path,
        );
        expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
        expect(await readFile(join(folder.path, 'recipe.yaml'), 'utf8')).toBe(text.toWellFormed());
        expect(await readdir(folder.path)).toEqual(['recipe.yaml']);
      }),
      { numRuns: 60 },
    );
  });

  it('starts the program that it was told, whatever that is called', async () => {
    await using folder = await temporaryFolder();
    await fc.assert(
      fc.asyncProperty(hostileName, fc.constantFrom(...shells), async (name, shell) => {
        const path = await folder.write(join('bin', name), '#!/bin/sh\nprintf "%s|" "$@"\n');
        spawnSync('chmod', ['+x', path]);
        const { status, stdout } = run(shell, runCommand(clusterJob({ secpi: path })), folder.path);
        expect({ status, stdout }).toEqual({ status: 0, stdout: 'run|recipe.yaml|' });
        expect(await readdir(folder.path)).toEqual(['bin']);
        await rm(join(folder.path, 'bin'), { recursive: true });
      }),
      { numRuns: 20 },
    );
    expect(quoted("it's")).toBe(`'it'\\''s'`);
  });

  it('goes on only with files that are whole, whatever they are called', async () => {
    await using folder = await temporaryFolder();
    await fc.assert(
      fc.asyncProperty(hostileName, fc.constantFrom(...shells), async (name, shell) => {
        await rm(join(folder.path, 'inputs'), { recursive: true, force: true });
        const to = `inputs/1/${name}`;
        const script = preparation(
          clusterJob({ recipe: { text: 'a: 1\n', inputs: [{ from: '/x', to }], variables: [] } }),
        );
        expect(run(shell, script, folder.path)).toMatchObject({
          status: 2,
          stderr: expect.stringContaining('are not here'),
        });

        const file = join(folder.path, to);
        await mkdir(dirname(file), { recursive: true });
        await writeFile(file, 'rows');
        await writeFile(join(folder.path, 'inputs', 'SHA256SUMS'), checksumLine(sha256('rows'), `1/${name}`));
        expect(run(shell, script, folder.path)).toMatchObject({ status: 0, stderr: '' });

        // Another list has to be checked again.
        await writeFile(file, 'ro');
        await writeFile(join(folder.path, 'inputs', 'SHA256SUMS'), checksumLine(sha256('rows!'), `1/${name}`));
        expect(run(shell, script, folder.path)).toMatchObject({
          status: 2,
          stderr: expect.stringContaining('incomplete'),
        });
        expect((await readdir(folder.path)).sort()).toEqual(['inputs', 'recipe.yaml']);
      }),
      { numRuns: 20 },
    );
  });

  it.each(shells)(
    'takes the values of variables from files, with %s, and names the one that is not there',
    async (shell) => {
      await using folder = await temporaryFolder();
      await folder.write('values/A_KEY', `a b'"$(touch canary)\`touch canary\`\n`);
      const script = (variables: readonly string[]) =>
        `${preparation(clusterJob({ variables }), { values: 'values' })}\nsh -c 'printf %s "$A_KEY"'`;
      expect(run(shell, script(['A_KEY']), folder.path)).toMatchObject({
        status: 0,
        stdout: `a b'"$(touch canary)\`touch canary\``,
      });
      expect(await readdir(folder.path)).not.toContain('canary');
      expect(run(shell, script(['A_KEY', 'B_KEY']), folder.path)).toMatchObject({
        status: 2,
        stderr: 'secpi job: there is no values/B_KEY, which holds the value of B_KEY\n',
      });
      expect(run(shell, preparation(clusterJob({ variables: ['C_KEY'] })), folder.path)).toMatchObject({
        status: 2,
        stderr: 'secpi job: C_KEY is not set\n',
      });
    },
  );
});
