import { readdir } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { jsonLines, runCli, temporaryFolder } from '../support/run-cli.js';

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
