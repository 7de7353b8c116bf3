import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { STEPS } from '../../bench/no-op/steps.js';
import { packageRoot } from '../../src/base/package-root.js';
import { pipelineOf, recipeSchema } from '../../src/pipeline.js';
import { loadRecipe } from '../../src/recipe/load-recipe.js';

describe('bench/', () => {
  it('has a page that names every script, and no other', () => {
    const page = readFileSync(join(packageRoot, 'bench', 'README.md'), 'utf8');
    const scripts = readdirSync(join(packageRoot, 'bench')).filter(
      (name) => name.endsWith('.ts') && name !== 'measure.ts',
    );
    const named = [...page.matchAll(/`npx tsx bench\/([a-z-]+\.ts)/g)].map(([, name]) => name);
    expect(named.sort()).toEqual(scripts.sort());
  });

  it('compares the quickstart with steps that hang together as its stages do', async () => {
    const { value } = await loadRecipe({
      path: join('recipes', 'quickstart.yaml'),
      schema: recipeSchema,
      environment: {},
      workingDirectory: packageRoot,
    });
    const stages = pipelineOf(value).nodes.map(({ name, inputs }) => [name, Object.values(inputs).sort()]);
    expect(STEPS.map(({ name, after }) => [name, [...after].sort()])).toEqual(stages);
  });
});
