import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { plannedRecipes, withPlan } from '../../scripts/recipe-plans.js';
import { packageRoot } from '../../src/base/package-root.js';
import { jsonLines, runCli, temporaryFolder } from '../support/run-cli.js';

/** What they take from the environment. */
const SET = {
  CLASSIFIER_URL: 'http://127.0.0.1:9/v1',
  TEACHER_URL: 'http://127.0.0.1:9/v1',
  TRAINER_IMAGE: `sha256:${'0'.repeat(64)}`,
};

describe.each(plannedRecipes())('%s', (path) => {
  it('holds the plan of its training', async () => {
    expect(readFileSync(join(packageRoot, path), 'utf8')).toBe(await withPlan(path));
  });

  it('is valid and can be planned where nothing can be reached, and its training fits', async () => {
    await using folder = await temporaryFolder();
    const options = { cwd: folder.path, env: { ...SET, HF_ENDPOINT: 'http://127.0.0.1:9' } };
    const recipe = join(packageRoot, path);
    const [valid, planned] = await Promise.all([
      runCli(['validate', recipe], options),
      runCli(['plan', recipe, '--json'], options),
    ]);
    expect(valid).toMatchObject({ exitCode: 0, stderr: '' });
    expect(planned).toMatchObject({ exitCode: 0, stderr: '' });
    const of = jsonLines(planned.stdout).find(({ stage }) => stage === 'train');
    expect(of).toMatchObject({ estimate: { facts: { fit: expect.stringMatching(/fits|tight/) } } });
  });
});

describe('the recipes', () => {
  it('are those that the README names', () => {
    const readme = readFileSync(join(packageRoot, 'README.md'), 'utf8');
    const named = [...readme.matchAll(/^\| \[`?(recipes\/[\w./-]+\.yaml)`?\]/gm)].map(([, path]) => path);
    expect([...named].sort()).toEqual(['recipes/quickstart.yaml', 'recipes/judged.yaml', ...plannedRecipes()].sort());
  });
});
