import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { packageRoot } from '../../src/base/package-root.js';
import { pipelineOf, recipeSchema } from '../../src/pipeline.js';
import { loadRecipe } from '../../src/recipe/load-recipe.js';

const readme = readFileSync(join(packageRoot, 'README.md'), 'utf8');

describe('README.md', () => {
  it('shows a recipe that is valid', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'secpi-readme-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const [, recipe = ''] = /```yaml\n([\s\S]*?)```/.exec(readme) ?? [];
    writeFileSync(join(folder, 'recipe.yaml'), recipe);
    writeFileSync(join(folder, 'tasks.jsonl'), '');
    const { value } = await loadRecipe({
      path: 'recipe.yaml',
      schema: recipeSchema,
      environment: { MODEL_URL: 'http://localhost:8000/v1' },
      workingDirectory: folder,
    });
    expect(pipelineOf(value).nodes.map(({ name }) => name)).toContain('publish');
  });

  it('names every command, and no other', () => {
    const folder = join(packageRoot, 'src', 'cli', 'declare');
    const texts = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
    const declared = texts.flatMap((text) =>
      [...text.matchAll(/\bprogram\s*\.command\('([a-z]+)'\)/g)].map(([, name]) => name),
    );
    const table = readme.slice(readme.indexOf('## Commands'), readme.indexOf('Exit codes:'));
    const rows = [...table.matchAll(/^\| (`.+?) \|/gm)].map(([, cell = '']) => cell);
    const named = rows.flatMap((cell) => [...cell.matchAll(/`([a-z]+)/g)].map(([, name]) => name));
    expect(declared.length).toBeGreaterThan(5);
    expect(named.sort()).toEqual(declared.sort());
  });

  it('names scripts that npm knows', () => {
    const { scripts } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const pages = ['README.md', 'CONTRIBUTING.md', 'docs/running.md'].map((page) =>
      readFileSync(join(packageRoot, page), 'utf8'),
    );
    const run = pages.flatMap((page) => [...page.matchAll(/`?npm run ([a-z]+)/g)].map(([, name = '']) => name));
    expect(run.length).toBeGreaterThan(0);
    expect(run.filter((name) => scripts[name] === undefined)).toEqual([]);
  });
});
