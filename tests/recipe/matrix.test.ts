import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { smallRecipes } from './small-recipe.js';

const { load, loadAll, complaint, pathOf } = smallRecipes();
const train = 'name: a\ntrain: { learning_rate: 1 }\n';

describe('a matrix', () => {
  it('is every combination of its axes, the last one changing fastest', async () => {
    const members = await loadAll(`${train}matrix:\n  train.learning_rate: [1e-4, 5e-5]\n  seed: [1, 2, 3]\n`);
    expect(members.map(({ member }) => member)).toEqual([
      'train.learning_rate=0.0001,seed=1',
      'train.learning_rate=0.0001,seed=2',
      'train.learning_rate=0.0001,seed=3',
      'train.learning_rate=0.00005,seed=1',
      'train.learning_rate=0.00005,seed=2',
      'train.learning_rate=0.00005,seed=3',
    ]);
    expect(members[4]).toMatchObject({
      value: { seed: 2, train: { learning_rate: 5e-5 } },
      labels: { 'train.learning_rate': '0.00005', seed: '2' },
    });
  });

  it('makes of each combination the same recipe as --set does', async () => {
    const axes = fc.record(
      {
        seed: fc.uniqueArray(fc.nat(9), { minLength: 1, maxLength: 3 }),
        'train.method': fc.uniqueArray(fc.constantFrom('lora', 'full'), { minLength: 1 }),
        train: fc.uniqueArray(fc.record({ epochs: fc.integer({ min: 1, max: 5 }) }), {
          minLength: 1,
          maxLength: 3,
          selector: ({ epochs }) => epochs,
        }),
        'sources[0].file': fc.constant(['recipe.yaml']),
        'models."a.b".name': fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 3 }),
      },
      { requiredKeys: [] },
    );
    const base = `${train}sources: [{ file: recipe.yaml }]\n`;
    const property = fc.asyncProperty(axes, async (given) => {
      const { train: whole, ...single } = given;
      const matrix = given['train.method'] === undefined ? given : single;
      fc.pre(Object.keys(matrix).length > 0);
      const members = await loadAll(`${base}matrix: ${JSON.stringify(matrix)}\n`);
      const combinations = Object.entries(matrix).reduce<readonly (readonly string[])[]>(
        (chosen, [path, values]) =>
          chosen.flatMap((before) => values.map((value) => [...before, `${path}=${JSON.stringify(value)}`])),
        [[]],
      );
      expect(members).toHaveLength(combinations.length);
      expect(new Set(members.map(({ member }) => member)).size).toBe(members.length);
      const partsOf = ({ value, written, sha256, files }: (typeof members)[number]) => ({
        value,
        written,
        sha256,
        files,
      });
      for (const [index, member] of members.entries()) {
        const alone = await load(base, { overrides: combinations[index] ?? [] });
        expect(partsOf(member)).toEqual(partsOf(alone));
      }
      expect(await loadAll(`${base}matrix: ${JSON.stringify(matrix)}\n`)).toEqual(members);
    });
    await fc.assert(property, { numRuns: 30 });
  });

  it('is merged from what a recipe extends and from --set like any map', async () => {
    const { writeFile } = await import('node:fs/promises');
    await writeFile(pathOf('below.yaml'), `${train}matrix: { seed: [1, 2, 3] }\n`);
    const text = 'extends: below.yaml\nmatrix: { train.epochs: [4, 5] }\n';
    const overrides = ['matrix.seed=[7]', 'name=b'];
    const members = await loadAll(text, { overrides });
    expect(members.map(({ member }) => member)).toEqual(['seed=7,train.epochs=4', 'seed=7,train.epochs=5']);
    expect(members.map(({ value }) => value.name)).toEqual(['b', 'b']);
    expect(await loadAll(text, { overrides: ['matrix=null'] })).toMatchObject([{ member: '', labels: {} }]);
  });

  it('finds files beside the recipe that names them, and beside the caller for --set', async () => {
    const { mkdir, writeFile } = await import('node:fs/promises');
    await mkdir(pathOf('inner'));
    await writeFile(pathOf('inner/a.jsonl'), '');
    await writeFile(pathOf('b.jsonl'), '');
    const inner = 'name: a\nsources: [{ hub: x }]\nmatrix: { sources: [[{ file: a.jsonl }]] }\n';
    await writeFile(pathOf('inner/below.yaml'), inner);
    const loaded = (overrides: readonly string[]) => loadAll('extends: inner/below.yaml\n', { overrides });
    expect((await loaded([]))[0]?.value.sources).toEqual([{ file: pathOf('inner/a.jsonl') }]);
    const given = await loaded(['matrix.sources=[[{ file: b.jsonl }]]']);
    expect(given[0]?.value.sources).toEqual([{ file: pathOf('b.jsonl') }]);
  });

  it('calls values that are no plain words by their number', async () => {
    const members = await loadAll(`${train}matrix: { name: [b, "1", "a b", "true"] }\n`);
    expect(members.map(({ member }) => member)).toEqual(['name=b', 'name=#2', 'name=#3', 'name=#4']);
  });
});

describe('mistakes in a matrix', () => {
  const matrix = (text: string, overrides: readonly string[] = []) =>
    complaint(`${train}matrix:\n${text}`, { overrides });

  it('stand at its values, and name the combination', async () => {
    expect(await matrix('  seed: [1, 2]\n  train.epochs: [3, -1]\n')).toMatchInlineSnapshot(`
      "recipe.yaml:5:21: with seed=1,train.epochs=-1: \`train.epochs\` must be more than 0, not the number -1
        5 |   train.epochs: [3, -1]
          |                     ^^"
    `);
  });

  it('are those of --set for a field that is not there', async () => {
    expect(await matrix('  train.lerning_rate: [3]\n')).toMatchInlineSnapshot(`
      "recipe.yaml:4:3: unknown key \`lerning_rate\` in \`train\`
        4 |   train.lerning_rate: [3]
          |   ^^^^^^^^^^^^^^^^^^
        Did you mean \`learning_rate\`?"
    `);
    expect(await matrix('  trian.epochs: [3]\n')).toContain('recipe.yaml:4:3: unknown key `trian`');
    expect(await matrix('  sources[3].hub: [x]\n')).toContain('recipe.yaml:4:3: `sources` is not a list');
    expect(await matrix('  train: [{ epochs: 1, lerning: 2 }]\n')).toContain('recipe.yaml:4:24: unknown key `lerning`');
  });

  it('are told once each, those of all members without a combination', async () => {
    const said = await complaint('name: a\nsed: 1\ntrain: {}\nmatrix: { seed: [1, 2], train.epochs: [3, x] }\n');
    expect(said.match(/unknown key `sed`/g)).toHaveLength(1);
    expect(said).not.toContain('with seed=1,train.epochs=3');
    expect(said).toContain('recipe.yaml:3:1: `train.learning_rate` is missing (a number)');
    expect(said.match(/must be a whole number, not the text "x"|must be a number, not the text "x"/g)).toHaveLength(1);
    expect(said).toContain('with seed=1,train.epochs=x');
  });

  it.each([
    ['  {}\n', 'recipe.yaml:3:1: `matrix` has no axis'],
    ['  seed: 3\n', 'recipe.yaml:4:9: `matrix.seed` must be a list, not the number 3'],
    ['  seed: []\n', 'recipe.yaml:4:9'],
    ['  "a..b": [1]\n', 'recipe.yaml:4:3: `a..b` is no path'],
    ['  seed=1: [1]\n', 'recipe.yaml:4:3: `seed=1` is no path'],
    ['  extends: [a.yaml]\n', 'recipe.yaml:4:3: `extends` cannot be an axis'],
    ['  matrix.seed: [[1]]\n', 'recipe.yaml:4:3: `matrix` cannot be an axis'],
    ['  seed: [1, 2, 1.0]\n', 'recipe.yaml:4:16: `seed` has this value twice'],
    ['  train: [{}]\n  train.epochs: [1]\n', 'recipe.yaml:5:3: the axes `train` and `train.epochs` change the same'],
    ['  "train.\'epochs\'": [1]\n  train.epochs: [1]\n', 'recipe.yaml:5:3: the axes'],
  ])('%j is one', async (text, expected) => {
    expect(await matrix(text)).toContain(expected);
  });

  it('--set may not be hidden by an axis, and may change what is around it', async () => {
    const said = await matrix('  train.epochs: [1]\n', ['train.epochs=3']);
    expect(said).toContain('recipe.yaml:4:3: --set train.epochs=3 would change nothing: `train.epochs` is an axis');
    expect(said).toContain(`--set 'matrix."train.epochs"=[…]'`);
    const members = await loadAll(`${train}matrix: { train.epochs: [1, 2] }\n`, { overrides: ['train={ epochs: 5 }'] });
    expect(members.map(({ value }) => value.train?.epochs)).toEqual([1, 2]);
    expect(await matrix('  train.epochs: [1]\n', ['matrix.train=[{}]'])).toContain('change the same field');
  });

  it('are its size, however it comes about', async () => {
    const numbers = (count: number) => JSON.stringify(Array.from({ length: count }, (_, index) => index + 1));
    expect(await loadAll(`${train}matrix: { seed: ${numbers(256)} }\n`)).toHaveLength(256);
    const many = await matrix(`  seed: ${numbers(257)}\n`);
    expect(many).toContain('recipe.yaml:3:1: `matrix` stands for 257 combinations; at most 256 are allowed');
    expect(await matrix(`  seed: ${numbers(30_000)}\n  train.epochs: ${numbers(10)}\n`)).toContain('300000');
    const axes = Array.from({ length: 17 }, (_, index) => `  a${index}: [1]\n`).join('');
    expect(await matrix(axes)).toContain('17 axes; at most 16');
    const long = await matrix(`  seed: ${numbers(256)}\n  name: ["${'x'.repeat(900_000)}"]\n`);
    expect(long).toContain('a recipe as long as this one cannot have 256 combinations');
  });
});
