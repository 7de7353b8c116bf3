import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { smallRecipes } from './small-recipe.js';

const { load, complaint, pathOf } = smallRecipes();

describe('extends and --set', () => {
  it('merges maps, replaces the rest, and null removes', async () => {
    await writeFile(pathOf('base.yaml'), 'name: base\nseed: 4\ntrain: { learning_rate: 1, epochs: 5 }\n');
    const recipe = await load('extends: base.yaml\nname: child\nseed: null\ntrain: { epochs: 2 }\n', {
      overrides: ['train.learning_rate=0.5'],
    });
    expect(recipe.value).toEqual({ name: 'child', seed: 0, train: { method: 'lora', learning_rate: 0.5, epochs: 2 } });
    expect(recipe.files).toEqual(['recipe.yaml', 'base.yaml']);
  });

  it('blames the file that holds the mistake', async () => {
    await writeFile(pathOf('base.yaml'), 'name: base\ntrain: { learning_rate: fast }\n');
    expect(await complaint('extends: base.yaml\nseed: 1\n')).toContain(
      'base.yaml:2:25: `train.learning_rate` must be a number',
    );
    expect(await complaint('extends: base.yaml\n', { overrides: ['train.learning_rate=slow'] })).toContain(
      '--set train.learning_rate=slow: `train.learning_rate` must be a number',
    );
  });

  it('blames nothing that a list or an override has replaced', async () => {
    await writeFile(pathOf('rows.jsonl'), '');
    await writeFile(pathOf('base.yaml'), 'name: base\nsources: [{ file: rows.jsonl }]\ntrain: { learning_rate: 1 }\n');
    expect(await complaint('extends: base.yaml\nsources: [{ fil: x }]\n')).toMatch(/^recipe\.yaml:2:/);
    const replaced = { overrides: ['sources=[{fil: x}]'] };
    expect(await complaint('extends: base.yaml\n', replaced)).toMatch(/^--set sources=\[\{fil: x\}\]: /);
    // Removed further up, so that is where it is missing.
    expect(await complaint('extends: base.yaml\ntrain: { learning_rate: null }\n')).toMatch(
      /^recipe\.yaml:2:\d+: `train\.learning_rate` is missing/,
    );
    // An override that adds a key does not take the blame for another one that the document lacks.
    expect(await complaint('name: a\ntrain: {}\n', { overrides: ['train.epochs=2'] })).toMatch(
      /^recipe\.yaml:2:1: `train\.learning_rate` is missing/,
    );
    expect(await complaint('name: a\n', { overrides: ['train.epochs=2'] })).toMatch(
      /^--set train\.epochs=2: `train\.learning_rate` is missing/,
    );
  });

  it('refuses cycles, missing bases and malformed overrides', async () => {
    expect(await complaint('extends: recipe.yaml\n')).toContain('extends itself');
    expect(await complaint('name: a\nextends: nope.yaml\n')).toContain('recipe.yaml:2:10: there is no file nope.yaml');
    for (const bad of ['x', '=1', 'a..b=1', '__proto__.x=1'])
      expect(await complaint('name: a\n', { overrides: [bad] })).toContain('--set');
  });
});

describe('the order of mistakes', () => {
  const places = (message: string) => message.match(/^(?:[a-z]+\.yaml:\d+:\d+|--set \S+)/gm);

  it('is that of their places: the recipe, what it extends, the command line', async () => {
    await writeFile(pathOf('base.yaml'), 'nam: 1\ntrain: { epochs: x, learning_rate: fast }\nsources: 3\n');
    const text = 'sed: 1\nextends: base.yaml\nmodels: { m: { x: 1, name: 2, endpoint: "${GONE}" } }\nname: 3\n';
    const overrides = ['models.m.y=1', 'a.b=2'];
    expect(places(await complaint(text, { overrides }))).toEqual([
      'recipe.yaml:1:1',
      'recipe.yaml:3:16',
      'recipe.yaml:3:28',
      'recipe.yaml:3:41',
      'recipe.yaml:4:7',
      'base.yaml:1:1',
      'base.yaml:2:18',
      'base.yaml:2:36',
      'base.yaml:3:10',
      '--set models.m.y=1:',
      '--set a.b=2:',
    ]);
  });

  it('is that of their places also where the text itself is wrong', async () => {
    const text = 'name: *gone\nseed: !!int 3\ntrain: { epochs: 1, epochs: 2 }\nmodels: "\\ud83d"\n';
    expect(places(await complaint(text))).toEqual([
      'recipe.yaml:1:7',
      'recipe.yaml:2:7',
      'recipe.yaml:3:21',
      'recipe.yaml:4:9',
    ]);
    expect(places(await complaint('seed: !!int 3\nname: "\\q"\n}\n'))).toEqual([
      'recipe.yaml:1:7',
      'recipe.yaml:2:8',
      'recipe.yaml:3:1',
    ]);
  });
});

describe('what is wrong with the text of a recipe that is extended', () => {
  it.each([
    ['a cyclic alias', 'name: a\nseed: &a [*a]\n', '2:11: this alias stands inside'],
    ['a dangling alias', 'name: a\nseed: *a\n', '2:7: no value above is marked as'],
    ['a merge of no map', 'name: a\ntrain:\n  <<: 3\n', '3:3: only maps can be merged'],
    ['a tag', 'name: a\nseed: !!int 3\n', '2:7: a recipe has no tags'],
    ['a directive', '%YAML 1.2\n---\nname: a\n', '1:1: a recipe has no lines that begin with %'],
    ['a second document', 'name: a\n---\n', '2:1: a second document begins here'],
    ['half of a surrogate pair', 'name: a\n"\\ud83d": 3\n', '2:1: this text holds half of a surrogate pair'],
    ['depth', `name: a\nseed: ${'['.repeat(500)}`, '2:106: nested more than 100 deep'],
    ['a key that stands twice', 'name: a\nname: b\n', '2:1: this key stands twice'],
    ['Latin-1', Buffer.from('name: a\n# caf\u00e9\n', 'latin1'), '2:6: this is not UTF-8 text'],
    ['a syntax error', 'name: a\nseed: [\n', ': Flow sequence in block collection must be'],
    ['nothing in it', '', '1:1: the recipe is empty'],
  ])('%s is told there', async (_what, base, words) => {
    await writeFile(pathOf('base.yaml'), base);
    const message = await complaint('extends: base.yaml\n');
    expect(message).toMatch(/^base\.yaml:/);
    expect(message).toContain(words);
  });

  it('is told at its name when it cannot be read at all', async () => {
    for (const [base, words] of [
      [`# ${'x'.repeat(1024 * 1024)}`, 'base.yaml has 1048578 bytes'],
      ['a\0b', 'base.yaml is not a text file'],
    ] as const) {
      await writeFile(pathOf('base.yaml'), base);
      expect(await complaint('name: a\nextends: base.yaml\n')).toContain(`recipe.yaml:2:10: ${words}`);
    }
    expect(await complaint(`extends: "${'x'.repeat(100_000)}"\n`)).toMatch(
      /^recipe\.yaml:1:10: there is no file x{200}…\n/,
    );
  });
});
