import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { jsonLines, runCli, temporaryFolder } from '../../support/run-cli.js';

const env = { TEACHER_URL: 'http://127.0.0.1:1/v1', TEACHER_KEY: 'not-a-real-key' };

describe('secpi init', () => {
  it('writes a recipe that is valid as it stands, and with everything that is commented out', async () => {
    await using folder = await temporaryFolder();
    const written = await runCli(['init', 'mine/r.yaml'], { cwd: folder.path });
    expect(written).toMatchObject({ exitCode: 0, stderr: '' });
    const path = join(folder.path, 'mine', 'r.yaml');
    const valid = await runCli(['validate', 'mine/r.yaml'], { cwd: folder.path, env });
    expect(valid).toMatchObject({ exitCode: 0, stderr: '' });
    expect(valid.stdout).not.toContain('note:');
    expect(valid.stdout).toContain('collect → filter → trace → curate → base → train → evaluate → report → publish');

    const text = await readFile(path, 'utf8');
    // Comments that are recipe begin with a key or a list item.
    await writeFile(path, text.replace(/^( +)# (?=- \{|[a-z_]+: )/gm, '$1'));
    await writeFile(join(folder.path, 'mine', 'tasks.jsonl'), '');
    const whole = (await readFile(path, 'utf8')).replace('data/tasks.jsonl', 'tasks.jsonl');
    expect(whole.match(/^ +(api_key_env|price|budget|groups): |^ +- \{ file: /gm)).toHaveLength(8);
    await writeFile(path, whole);
    expect(
      await runCli(['validate', 'mine/r.yaml', '--set', 'evaluate.sampling.temperature=0'], { cwd: folder.path, env }),
    ).toMatchObject({
      exitCode: 0,
      stderr: '',
      stdout: expect.stringContaining('note: `evaluate.suites.mini.samples` is 4 at temperature 0'),
    });
  });

  it('points editors at the schema', async () => {
    await using folder = await temporaryFolder();
    const { stdout } = await runCli(['init', '--json'], { cwd: folder.path });
    const path = join(folder.path, 'recipe.yaml');
    expect(jsonLines(stdout)).toEqual([{ type: 'written', path }]);
    const [first = ''] = (await readFile(path, 'utf8')).split('\n');
    const schema = first.replace('# yaml-language-server: $schema=', '');
    expect(JSON.parse(await readFile(join(folder.path, schema), 'utf8'))).toMatchObject({ title: 'secpi recipe' });
  });

  it('overwrites nothing unless told to', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'recipe.yaml');
    await writeFile(path, 'mine');
    const refused = await runCli(['init'], { cwd: folder.path });
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain('recipe.yaml is there already');
    expect(await readFile(path, 'utf8')).toBe('mine');
    expect(await runCli(['init', '--force'], { cwd: folder.path })).toMatchObject({ exitCode: 0 });
    expect(await readFile(path, 'utf8')).toContain('A secpi recipe');
    expect(await readdir(folder.path)).toEqual(['recipe.yaml']);
  });

  it('tells a file that is there from one that cannot be written', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'file'), '');
    const said = async (...args: readonly string[]) => (await runCli(['init', ...args], { cwd: folder.path })).stderr;
    expect(await said('file/r.yaml')).toMatch(/^error: cannot write .*file\/r\.yaml: .*\/file is no folder\n/);
    expect(await said('.')).toMatch(/^error: cannot write .*: it is a folder\n/);
  });
});
