import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Json } from '../../src/base/json.js';
import { portableRecipe, printableYaml } from '../../src/export/portable-recipe.js';
import { recipeSchema } from '../../src/pipeline.js';
import { loadRecipe } from '../../src/recipe/load-recipe.js';
import { fuzzFolder } from '../recipe/fuzz/judge.js';
import { recipeCase } from '../recipe/fuzz/recipe-case.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { hostileName, hostileText } from './hostile-text.js';

const environment = { HERE: 'http://localhost:8000/v1' };

async function load(workingDirectory: string, overrides: readonly string[] = []) {
  const path = 'recipe.yaml';
  return loadRecipe({ path, schema: recipeSchema, overrides, environment, workingDirectory });
}

/** A value without what has to differ: the folders before the names of files. */
function withoutFolders(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_key, item) =>
      typeof item === 'string' && item.startsWith('/') ? item.replace(/.*\//s, '') : item,
    ),
  );
}

const endpoint = 'http://127.0.0.1:9/v1';

const sections = {
  models: { target: { model: 'a/b' }, classifier: { model: 'c', endpoint }, teacher: { model: 't', endpoint } },
  collect: { sources: [{ hub: 'a/b' }] },
  train: { epochs: 1 },
  evaluate: { suites: { mini: {} } },
};

describe('a recipe that is carried elsewhere', () => {
  it('means there what it meant here, whatever stands in it', { timeout: 120_000 }, async () => {
    await using here = await fuzzFolder();
    await using there = await fuzzFolder();
    let carried = 0;
    await fc.assert(
      fc.asyncProperty(recipeCase, async ({ recipe, parent, overrides }) => {
        await here.write('recipe.yaml', recipe);
        await here.write('parent.yaml', parent);
        const loaded = await load(here.path, overrides).catch(() => undefined);
        if (loaded === undefined) return;
        carried += 1;
        const { text, inputs } = portableRecipe({ schema: recipeSchema, ...loaded });
        expect(text).not.toContain(here.path);
        for (const { to } of inputs) {
          await mkdir(dirname(join(there.path, to)), { recursive: true });
          await writeFile(join(there.path, to), '');
        }
        await there.write('recipe.yaml', text);
        const arrived = await load(there.path);
        expect(withoutFolders(arrived.value)).toEqual(withoutFolders(loaded.value));
        // Carried once more, nothing changes any more.
        expect(portableRecipe({ schema: recipeSchema, ...arrived }).text).toBe(text);
      }),
      { numRuns: 500 },
    );
    expect(carried).toBeGreaterThan(15);
  });

  it('is printable text, and the same wherever its files lie', async () => {
    await using a = await temporaryFolder();
    await using b = await temporaryFolder();
    await fc.assert(
      fc.asyncProperty(hostileText, hostileName, hostileName, async (description, file, folder) => {
        const texts = [];
        for (const root of [a, b]) {
          await root.write(join('data', file), '');
          const written = {
            ...sections,
            name: 'r',
            description,
            collect: { sources: [{ file: `data/${file}` }, { file: `data/${file}`, name: 'twice' }] },
            publish: { folder: `../${folder}` },
          };
          await root.write('recipe.yaml', JSON.stringify(written));
          const loaded = await load(root.path);
          expect(loaded.value.description).toBe(description);
          const { text, inputs } = portableRecipe({ schema: recipeSchema, ...loaded });
          expect(inputs).toEqual([{ from: join(root.path, 'data', file), to: `inputs/1/${file}` }]);
          texts.push(text);
        }
        expect(texts[0]).toBe(texts[1]);
        await a.write(`inputs/1/${file}`, '');
        await a.write('recipe.yaml', texts[0] ?? '');
        expect((await load(a.path)).value.description).toBe(description);
        expect(texts[0]).not.toMatch(/[^\n\P{C}\p{Co}\p{Cf}\p{Cn}]|[\u2028\u2029\ufeff]/u);
      }),
      { numRuns: 80 },
    );
  });

  it.each(['\u0085\na text of several lines\n \n---\nmore\n', `\u0085${' \n'.repeat(30)}`])(
    'keeps lines of nothing but spaces in %j',
    (text) => {
      expect(parse(printableYaml({ text }))).toEqual({ text });
    },
  );

  it('names the variables that it reads, and holds no value of one', async () => {
    await using folder = await temporaryFolder();
    const models = { ...sections.models, teacher: { model: 't', endpoint: '${HERE}' } };
    await folder.write('recipe.yaml', JSON.stringify({ ...sections, name: 'r', models } satisfies Json));
    const { text, variables } = portableRecipe({ schema: recipeSchema, ...(await load(folder.path)) });
    expect(variables).toEqual(['HERE']);
    expect(text).toContain('${HERE}');
    expect(text).not.toContain('localhost');
  });
});
