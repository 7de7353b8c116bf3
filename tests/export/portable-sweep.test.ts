import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { portableSweep } from '../../src/export/portable-sweep.js';
import { type Recipe, recipeSchema } from '../../src/pipeline.js';
import { type LoadedSweep, loadSweep } from '../../src/recipe/load-recipe.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { hostileName, hostileText } from './hostile-text.js';

const environment = { A_URL: 'http://a.example/v1', B_URL: 'http://b.example/v1' };

async function load(folder: string, path = 'recipe.yaml'): Promise<LoadedSweep<Recipe>> {
  return loadSweep({ path, schema: recipeSchema, environment, workingDirectory: folder });
}

const carried = (sweep: LoadedSweep<Recipe>) => portableSweep({ schema: recipeSchema, ...sweep });

/** What each member is, with the last part of a path for the whole: where it lies has to differ. */
function meaning({ members }: LoadedSweep<Recipe>): unknown {
  const text = JSON.stringify(members.map(({ value }) => value));
  return JSON.parse(text, (_key, item) =>
    typeof item === 'string' && item.startsWith('/') ? item.replace(/.*\//s, '') : item,
  );
}

/** Carries a sweep to another folder, with the files that it says, and reads it there. */
async function arrived(there: TemporaryFolder, sweep: ReturnType<typeof carried>): Promise<LoadedSweep<Recipe>> {
  for (const { to } of sweep.inputs) {
    await mkdir(dirname(join(there.path, to)), { recursive: true });
    await writeFile(join(there.path, to), '');
  }
  await there.write('recipe.yaml', sweep.text);
  return load(there.path);
}

const endpoint = 'http://127.0.0.1:9/v1';
const models = { target: { model: 'a/b' }, classifier: { model: 'c', endpoint }, teacher: { model: 't', endpoint } };
const sections = { name: 'r', models, collect: { sources: [{ hub: 'a/b' }] }, train: { epochs: 1 }, evaluate: {} };
const suites = { suites: { mini: {} } };

describe('a sweep that is carried elsewhere', () => {
  it('has the same members there, whatever its axes are', async () => {
    await using here = await temporaryFolder();
    await using there = await temporaryFolder();
    const values = fc.uniqueArray(hostileText, { minLength: 1, maxLength: 3 });
    const files = fc.uniqueArray(hostileName, { minLength: 2, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(values, files, fc.boolean(), async (descriptions, names, isPublished) => {
        for (const name of ['base', ...names]) await here.write(join('data', name), '');
        await here.write('elsewhere/base', '');
        const matrix = {
          description: descriptions,
          'collect.sources.0.file': names.map((name) => `data/${name}`),
          // Maps are put on top of what is below, and null takes it away.
          train: [{ epochs: 2 }, { epochs: null, steps: 3 }],
          publish: [null, { push: ['dataset'] }],
        };
        const parent = { ...sections, evaluate: suites, collect: { sources: [{ file: 'base' }] } };
        const publish = { folder: 'elsewhere/out', ...(isPublished ? { push: ['adapter'] } : {}) };
        // The parent lies elsewhere, and so does what it names.
        await here.write('elsewhere/parent.yaml', JSON.stringify(parent));
        await here.write('recipe.yaml', JSON.stringify({ extends: 'elsewhere/parent.yaml', publish, matrix }));
        const sweep = await load(here.path);
        expect(sweep.members).toHaveLength(descriptions.length * names.length * 4);
        const moved = carried(sweep);
        expect(moved.text).not.toContain(here.path);
        // What every member has hidden is not brought.
        expect(moved.inputs.map(({ from }) => from).toSorted()).toEqual(
          names.map((name) => join(here.path, 'data', name)).toSorted(),
        );
        const copy = await arrived(there, moved);
        expect(copy.members.map(({ member }) => member)).toEqual(moved.members);
        expect(meaning(copy)).toEqual(meaning(sweep));
        // Carried once more, nothing changes any more.
        const again = carried(copy);
        expect({ members: again.members, inputs: again.inputs.map(({ to }) => to) }).toEqual({
          members: moved.members,
          inputs: moved.inputs.map(({ to }) => to),
        });
      }),
      { numRuns: 40 },
    );
  });

  it('keeps the names of members that name no files, and reads no variable that all of them hide', async () => {
    await using here = await temporaryFolder();
    await using there = await temporaryFolder();
    const teacher = { model: 't', endpoint: '${HIDDEN_URL}' };
    const matrix = {
      'models.teacher.endpoint': ['${A_URL}', '${B_URL}'],
      'train.learning_rate': [5e-5, 1e-7, 0.001],
    };
    const recipe = { ...sections, models: { ...models, teacher }, evaluate: suites, matrix };
    await here.write('recipe.yaml', JSON.stringify(recipe));
    const sweep = await load(here.path);
    const moved = carried(sweep);
    expect(moved.members).toEqual(sweep.members.map(({ member }) => member));
    expect(moved.members[1]).toBe('models.teacher.endpoint=#1,train.learning_rate=1e-7');
    expect(moved.variables).toEqual(['A_URL', 'B_URL']);
    expect(moved.text).not.toContain('.example');
    expect(meaning(await arrived(there, moved))).toEqual(meaning(sweep));
  });

  it.each([
    ['has one file under two names', { 'collect.sources.0.file': ['rows', './rows'] }, 'twice'],
    ['has an axis with a name that no terminal shows', { 'compute."a\u001b".local.threads': [1, 2] }, 'printed'],
  ])('is refused when it %s', async (_what, matrix, said) => {
    await using here = await temporaryFolder();
    await here.write('rows', '');
    const more = { evaluate: suites, collect: { sources: [{ file: 'rows' }] }, compute: { here: { local: {} } } };
    await here.write('recipe.yaml', JSON.stringify({ ...sections, ...more, matrix }));
    const sweep = await load(here.path);
    expect(() => carried(sweep)).toThrow(
      expect.objectContaining({ code: 'export/bad-matrix', message: expect.stringContaining(said) }),
    );
  });
});
