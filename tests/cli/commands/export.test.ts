import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { packageRoot } from '../../../src/base/package-root.js';
import { cliCommand, jsonLines, runCli, temporaryFolder } from '../../support/run-cli.js';

const quickstart = join(packageRoot, 'recipes', 'quickstart.yaml');
const image = `registry.example/secpi@sha256:${'1f'.repeat(32)}`;
const system = {
  slurm: ['export', 'slurm'],
  kubernetes: ['export', 'kubernetes', '--image', image, '--volume', 'secpi'],
  skypilot: ['export', 'skypilot', '--image', image, '--volume', 'secpi', '--gpu-kind', 'H100'],
};
const systems = Object.entries(system);

/** A recipe that needs keys and an address, and pushes to the Hub. */
const keyed = {
  name: 'keyed',
  models: {
    target: { model: 'a/b' },
    classifier: { model: 'c', endpoint: '${MODEL_URL}', api_key_env: 'MODEL_KEY' },
    teacher: { model: 't', endpoint: 'http://localhost:1/v1', api_key_env: 'TEACHER_KEY' },
  },
  collect: { sources: [{ file: 'rows.jsonl' }] },
  train: { epochs: 1 },
  evaluate: { suites: { mini: {} } },
  publish: { repo: 'me/model', dataset_repo: 'me/data' },
};

async function keyedFolder() {
  const folder = await temporaryFolder();
  await writeFile(join(folder.path, 'rows.jsonl'), '{"prompt":"x"}\n');
  await writeFile(join(folder.path, 'keyed.yaml'), JSON.stringify(keyed));
  return folder;
}

const env = {
  MODEL_URL: 'http://user:canary-password@models.example/v1',
  MODEL_KEY: 'canary-model-key',
  TEACHER_KEY: 'canary-teacher-key',
  HF_TOKEN: 'hf_canarycanarycanarycanary',
};

describe.each(systems)('secpi export %s', (name, args) => {
  it('gives the same bytes for the same recipe and options, on the terminal and in a folder', async () => {
    await using folder = await temporaryFolder();
    const first = await runCli([...args, quickstart], { cwd: folder.path });
    expect(first).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('-o FOLDER') });
    const written = await runCli([...args, quickstart, '-o', 'a/job', '--json'], { cwd: folder.path });
    expect(written).toMatchObject({ exitCode: 0, stderr: '' });
    const [line = {}] = jsonLines(written.stdout);
    expect(line).toMatchObject({ type: 'written', path: join(folder.path, 'a', 'job') });
    const files = (await readdir(join(folder.path, 'a', 'job'))).sort();
    expect((line.files as string[]).toSorted()).toEqual(files);
    const job = files.find((file) => file.startsWith('job.')) ?? '';
    expect(await readFile(join(folder.path, 'a', 'job', job), 'utf8')).toBe(`${first.stdout}\n`);
  });

  it('names what the job reads from its environment, and holds nothing of it', async () => {
    await using folder = await keyedFolder();
    const more = ['--secret', 'EXTRA', '-o', 'job'];
    const { exitCode, stdout } = await runCli([...args, 'keyed.yaml', '--json', ...more], { cwd: folder.path, env });
    expect(exitCode).toBe(0);
    expect(jsonLines(stdout)[0]).toMatchObject({
      variables: ['EXTRA', 'HF_TOKEN', 'MODEL_KEY', 'MODEL_URL', 'TEACHER_KEY'],
    });
    const files = await readdir(join(folder.path, 'job'), { recursive: true, withFileTypes: true });
    for (const entry of files.filter((file) => file.isFile())) {
      expect(await readFile(join(entry.parentPath, entry.name), 'utf8')).not.toMatch(/canary/);
    }
  });

  it('has help with an example, in 80 columns', async () => {
    const { exitCode, stdout } = await runCli(['export', name, '--help'], { cwd: packageRoot });
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`$ secpi export ${name}`);
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });
});

describe('secpi export', () => {
  it('overwrites no job unless told to, and never what a job has made', async () => {
    await using folder = await temporaryFolder();
    const run = (...more: string[]) => runCli([...system.slurm, quickstart, '-o', '.', ...more], { cwd: folder.path });
    await mkdir(join(folder.path, '.secpi'));
    expect(await run()).toMatchObject({ exitCode: 0 });
    await writeFile(join(folder.path, 'inputs', 'stray'), '');
    const refused = await run();
    expect(refused).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('is there already') });
    expect(await run('--force')).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await readdir(join(folder.path, 'inputs'))).not.toContain('stray');
    expect(await readdir(folder.path)).toContain('.secpi');
  });

  it('makes a folder that is a whole job: the files are in it, and a run finds all', async () => {
    await using folder = await temporaryFolder();
    // Instead of minutes of training, the real secpi says what it would do with what has arrived.
    const secpi = join(folder.path, 'secpi');
    const [node, ...rest] = cliCommand();
    await writeFile(secpi, `#!/bin/sh\nshift\nexec '${node}' '${rest.join("' '")}' plan "$1" --json\n`);
    await chmod(secpi, 0o755);
    const args = [...system.slurm, quickstart, '--gpus', '0', '--secpi', secpi, '-o', 'job'];
    expect(await runCli(args, { cwd: folder.path })).toMatchObject({ exitCode: 0 });
    const result = spawnSync('bash', ['job.sbatch'], { cwd: join(folder.path, 'job'), encoding: 'utf8' });
    const there = jsonLines(result.stdout);
    expect(there.at(-1)).toMatchObject({ type: 'plan', recipe: 'quickstart' });
    // What has been carried is the same data: the first stage has the fingerprint that it has here.
    const here = jsonLines(
      (await runCli(['plan', quickstart, '--json'], { cwd: folder.path, env: { HOME: process.env.HOME ?? '' } }))
        .stdout,
    );
    const fingerprint = (lines: typeof here) => lines.find(({ stage }) => stage === 'collect')?.fingerprint;
    expect(fingerprint(there)).toMatch(/^[0-9a-f]{64}$/);
    expect(fingerprint(there)).toBe(fingerprint(here));
  });

  it('makes of a sweep one job for Slurm, each of whose tasks is a member', async () => {
    await using folder = await keyedFolder();
    const matrix = { 'train.learning_rate': [1e-4, 5e-5], seed: [1, 2] };
    await writeFile(join(folder.path, 'sweep.yaml'), JSON.stringify({ ...keyed, publish: undefined, matrix }));
    const secpi = join(folder.path, 'secpi');
    const [node, ...rest] = cliCommand();
    await writeFile(secpi, `#!/bin/sh\nshift\nexec '${node}' '${rest.join("' '")}' plan "$@" --json\n`);
    await chmod(secpi, 0o755);
    const args = [...system.slurm, 'sweep.yaml', '--gpus', '0', '--secpi', secpi, '-o', 'job', '--at-once', '2'];
    const member = ['--member', 'train.learning_rate=5.0e-5,seed=1', '--member', 'train.learning_rate=0.0001,seed=2'];
    const written = await runCli([...args, ...member, '--json'], { cwd: folder.path, env });
    const members = ['train.learning_rate=0.0001,seed=2', 'train.learning_rate=0.00005,seed=1'];
    expect(jsonLines(written.stdout)[0]).toMatchObject({ type: 'written', members });
    const again = await runCli([...args, ...member, '--force'], { cwd: folder.path, env });
    expect(again.stdout).toContain(`run recipe.yaml --member='${members[0]}' --member='${members[1]}'`);
    const job = join(folder.path, 'job');
    expect(await readFile(join(job, 'job.sbatch'), 'utf8')).toMatch(/^#SBATCH --array=0-1%2$/m);

    await mkdir(join(job, 'secrets'), { mode: 0o700 });
    for (const name of ['MODEL_URL', 'MODEL_KEY', 'TEACHER_KEY'] as const) {
      await writeFile(join(job, 'secrets', name), env[name], { mode: 0o600 });
    }
    const task = { SLURM_JOB_ID: '7', SLURM_ARRAY_JOB_ID: '7', SLURM_ARRAY_TASK_ID: '1', SLURM_ARRAY_TASK_COUNT: '2' };
    const environment = { ...process.env, ...task };
    const ran = spawnSync('bash', ['job.sbatch'], { cwd: job, encoding: 'utf8', env: environment });
    const [said = '', ...lines] = ran.stdout.split('\n');
    expect(said).toBe(`member ${members[1]}`);
    const there = jsonLines(lines.join('\n'));
    expect(there.at(-1)).toMatchObject({ type: 'plan', recipe: 'keyed' });
    const here = await runCli(['plan', 'sweep.yaml', '--json', ...member.slice(0, 2)], { cwd: folder.path, env });
    const fingerprint = (all: typeof there) => all.find(({ stage }) => stage === 'collect')?.fingerprint;
    expect(fingerprint(there)).toMatch(/^[0-9a-f]{64}$/);
    expect(fingerprint(there)).toBe(fingerprint(jsonLines(here.stdout)));

    for (const other of [system.kubernetes, system.skypilot]) {
      const refused = await runCli([...other, 'sweep.yaml'], { cwd: folder.path, env });
      expect(refused).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('export/sweep') });
    }
  });

  it.each([
    ['--at-once for one run', [...system.slurm, '--at-once', '2', quickstart], 'export/one-run'],
    ['no run at once', [...system.slurm, '--at-once', '0', quickstart], 'above 0'],
    [
      'an image by tag',
      ['export', 'kubernetes', '--image', 'secpi:latest', '--volume', 'v', quickstart],
      'pinned by its digest',
    ],
    ['no volume', ['export', 'skypilot', '--image', image, quickstart], '--volume'],
    ['no GPU kind', ['export', 'skypilot', '--image', image, '--volume', 'v', quickstart], 'export/no-gpu-kind'],
    ['an option of several lines', [...system.slurm, '--sbatch', '--comment=a\n#x', quickstart], '--sbatch'],
    ['a secret itself', [...system.slurm, '--secret', 'a=b', quickstart], '--secret'],
    ['a wrong recipe', [...system.slurm, '--set', 'trian.steps=1', quickstart], 'recipe/invalid'],
  ])('refuses %s', async (_what, args, said) => {
    await using folder = await temporaryFolder();
    const { exitCode, stdout, stderr } = await runCli(args, { cwd: folder.path });
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(said);
    expect(await readdir(folder.path)).toEqual([]);
  });

  it('says what to type then', async () => {
    await using folder = await keyedFolder();
    const next = async (args: readonly string[], output: string) =>
      (await runCli([...args, 'keyed.yaml', '-o', output], { cwd: folder.path, env })).stdout;
    expect(await next(system.slurm, 'a')).toContain('(umask 077; printenv MODEL_KEY > secrets/MODEL_KEY)');
    expect(await next(system.kubernetes, 'b')).toContain('kubectl cp inputs secpi-keyed-files:/secpi/keyed');
    expect(await next(system.skypilot, 'c')).toContain('sky jobs launch --secret HF_TOKEN --secret MODEL_KEY');
    expect(parse(await readFile(join(folder.path, 'c', 'job.yaml'), 'utf8'))).toMatchObject({ name: 'secpi-keyed' });
    expect(parseAllDocuments(await readFile(join(folder.path, 'b', 'job.yaml'), 'utf8'))).toHaveLength(2);
  });
});
