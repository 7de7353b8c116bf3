import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/package-root.js';
import { canMount, readOnly, withMounts } from '../support/private-mounts.js';
import { cliCommand, cliEnvironment, jsonLines, runCli, temporaryFolder } from '../support/run-cli.js';

describe.skipIf(!canMount)('state on a file system that is read-only', () => {
  it('can be looked at, and a run says what keeps it from writing there', async () => {
    await using folder = await temporaryFolder();
    const state = join(folder.path, '.secpi');
    const recipe = join(folder.path, 'r.yaml');
    await writeFile(recipe, `extends: ${join(packageRoot, 'recipes', 'quickstart.yaml')}\nname: small\n`);
    const made = await runCli(['run', recipe, '--until', 'collect', '--quiet'], { cwd: folder.path });
    expect(made.exitCode).toBe(0);
    const runs = await readdir(join(state, 'runs'));

    const secpi = async (args: readonly string[], SECPI_HOME: string) => {
      const [program, ...rest] = withMounts([readOnly(state)], [...cliCommand(), ...args, '--json']);
      const env = cliEnvironment(folder.path, { SECPI_HOME });
      const options = { cwd: folder.path, env, extendEnv: false, stdin: 'ignore', reject: false } as const;
      const { exitCode, stdout, stderr } = await execa(program, rest, options);
      return { exitCode, last: jsonLines(stdout).at(-1), stderr };
    };
    const plan = await secpi(['plan', recipe, '--until', 'collect'], state);
    expect(plan).toMatchObject({ exitCode: 0, last: { cached: 1, to_run: 0 }, stderr: '' });
    const told = await secpi(['status'], state);
    expect(told).toMatchObject({ exitCode: 0, last: { run: runs[0], state: 'done' }, stderr: '' });

    const hint = 'Set SECPI_HOME to a folder that can be written to.';
    const refused = { exitCode: 1, last: { type: 'error', code: 'files/read-only', hint }, stderr: '' };
    const again = await secpi(['run', recipe, '--until', 'collect'], state);
    expect(again).toMatchObject(refused);
    expect(again.last?.message).toMatch(/^cannot make \S+\/runs\/[0-9A-Z]{26}: the file system is read-only$/);
    const elsewhere = await secpi(['run', recipe, '--until', 'collect'], join(state, 'not', 'there'));
    expect(elsewhere).toMatchObject(refused);
    expect(elsewhere.last?.message).toBe(`cannot make ${join(state, 'not')}: the file system is read-only`);
    expect(await readdir(join(state, 'runs'))).toEqual(runs);
  });
});
