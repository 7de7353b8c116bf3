import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../../../src/base/package-root.js';
import { jsonLines, runCli, temporaryFolder } from '../../support/run-cli.js';

it('secpi doctor names what is missing, with what to do, and never shows a token', async () => {
  await using folder = await temporaryFolder();
  // The cache is empty here, so there is no Python environment.
  const env = { HF_TOKEN: 'hf_canary0123456789abc' };
  const { exitCode, stdout, stderr } = await runCli(['doctor', '--json'], { cwd: folder.path, env });
  expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' });
  expect(stdout).not.toContain('canary');
  const lines = jsonLines(stdout);
  const of = (name: string) => lines.find((line) => line.name === name);
  expect(of('Node')).toMatchObject({ type: 'check', state: 'ok', detail: process.versions.node, required: true });
  expect(of('Python')).toMatchObject({ state: 'missing', advice: expect.stringContaining('secpi setup') });
  expect(of('Hub token')).toMatchObject({ state: 'ok', required: false });
  expect(of('state folder')).toMatchObject({ state: 'ok' });
  for (const name of ['sandbox', 'GPU', 'containers', 'disk', 'open files']) expect(of(name), name).toBeDefined();
  expect(lines.at(-1)).toMatchObject({ type: 'doctor', ready: false, missing: expect.arrayContaining(['Python']) });
  // Go keeps its own notes in the home folder.
  expect((await readdir(folder.path)).filter((name) => name !== '.config')).toEqual([]);
});

it('secpi doctor --recipe also names what the recipe needs', async () => {
  await using folder = await temporaryFolder();
  const recipe = [
    `extends: ${join(packageRoot, 'recipes', 'quickstart.yaml')}`,
    'name: needs',
    'models:',
    '  classifier: { replay: null, endpoint: "http://127.0.0.1:1/v1", api_key_env: CLASSIFIER_KEY }',
    '  spare: { model: s }',
    'train: { trainer: axolotl }',
    'publish: { repo: nobody/nothing }',
  ];
  await writeFile(join(folder.path, 'r.yaml'), recipe.join('\n'));
  const check = async (env: Record<string, string>) => {
    const { stdout } = await runCli(['doctor', '--recipe', 'r.yaml', '--json'], { cwd: folder.path, env });
    expect(stdout).not.toContain('canary');
    const lines = jsonLines(stdout);
    expect(lines.find(({ name }) => name === 'training')).toMatchObject({
      state: 'missing',
      detail: 'the Python environment of Axolotl is not set up',
      advice: expect.stringContaining('npx secpi setup --axolotl'),
    });
    const states = lines.map(({ name, state }) => [name, state]);
    return states.filter(([name]) => /^(model|publish)/.test(String(name)));
  };
  expect(await check({})).toEqual([
    ['model classifier', 'missing'],
    ['model teacher', 'ok'],
    ['model spare', 'missing'],
    ['publish', 'missing'],
  ]);
  expect(await check({ CLASSIFIER_KEY: 'canary-key', HF_TOKEN: 'hf_canary0123456789abc' })).toEqual([
    ['model classifier', 'ok'],
    ['model teacher', 'ok'],
    ['model spare', 'missing'],
    ['publish', 'ok'],
  ]);
});

it('secpi run says before anything else that the environment of the recipe’s trainer is not set up', async () => {
  await using folder = await temporaryFolder();
  const recipe = { extends: join(packageRoot, 'recipes', 'quickstart.yaml'), train: { trainer: 'axolotl' } };
  await writeFile(join(folder.path, 'r.yaml'), JSON.stringify(recipe));
  const run = await runCli(['run', 'r.yaml', '--json'], { cwd: folder.path });
  expect(run.exitCode).toBe(1);
  const lines = jsonLines(run.stdout);
  expect(lines.at(-1)).toMatchObject({
    type: 'run-finished',
    outcome: 'failed',
    error: { code: 'python/not-set-up', hint: expect.stringContaining('npx secpi setup --axolotl') },
  });
  expect(lines.some(({ type }) => type === 'stage-started')).toBe(false);
});
