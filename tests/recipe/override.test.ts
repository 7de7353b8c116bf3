import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { SecpiError } from '../../src/base/errors.js';
import { fromEnvironment, inputPath } from '../../src/recipe/field.js';
import { loadRecipe } from '../../src/recipe/load-recipe.js';
import { parseOverride } from '../../src/recipe/override.js';
import { dotted } from '../../src/recipe/path.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const schema = z.strictObject({
  name: z.string(),
  gates: z.record(z.string(), z.number()).optional(),
  endpoint: fromEnvironment(z.string(), 'http://not-set.invalid').optional(),
  sources: z.array(z.strictObject({ file: inputPath(), licence: z.string().optional() })).optional(),
  grid: z.array(z.array(z.number())).optional(),
  train: z.strictObject({ epochs: z.number().optional(), steps: z.number().optional() }).optional(),
});

const recipe = `name: a
gates: { mini.func: 1, 0: 5 }
sources:
  - { file: rows.jsonl, licence: mit }
  - { file: rows.jsonl }
grid: [[1, 2], [3, 4]]
train: { epochs: 1 }
`;

async function load(overrides: readonly string[], texts: Readonly<Record<string, string>> = {}) {
  await using folder = await temporaryFolder();
  for (const [name, text] of Object.entries({ 'rows.jsonl': '', 'r.yaml': recipe, ...texts }))
    await folder.write(name, text);
  const options = { path: 'r.yaml', schema, overrides, environment: {}, workingDirectory: folder.path };
  const { value, written } = await loadRecipe(options);
  return { value, written: written as Partial<typeof value>, folder: folder.path };
}

async function message(overrides: readonly string[], texts?: Readonly<Record<string, string>>): Promise<string> {
  const error = await load(overrides, texts).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SecpiError);
  expect((error as SecpiError).exitCode).toBe(2);
  return (error as SecpiError).message;
}

describe('a key with dots in it', () => {
  it.each(['gates."mini.func"=2', "gates.'mini.func'=2", 'gates."mini\\u002efunc"=2'])(
    'is reached by %s',
    async (text) => {
      expect((await load([text])).value.gates).toEqual({ 'mini.func': 2, 0: 5 });
    },
  );

  it('may hold whatever a quoted text of YAML may', () => {
    expect(parseOverride(`a."b.c=\\"[0]"='d'`).path).toEqual(['a', 'b.c="[0]']);
    expect(parseOverride(`'it''s'."".c=1`).path).toEqual(["it's", '', 'c']);
    expect(parseOverride('a."b"[2][0].c=1').path).toEqual(['a', 'b', 2, 0, 'c']);
  });

  it('is shown as it has to be written', async () => {
    expect(await message(['gates."mini.func"=high'])).toBe(
      '--set gates."mini.func"=high: `gates."mini.func"` must be a number, not the text "high"',
    );
    expect(await message([], { 'r.yaml': 'name: a\ngates: { mini.func: high }\n' })).toContain(
      'r.yaml:2:21: `gates."mini.func"` must be a number',
    );
    for (const path of [
      ['a', 0, 'b.c'],
      ['a', '0'],
      ['x y', "it's", '"', '[0]', '=', ''],
    ]) {
      const { path: read } = parseOverride(`${dotted(path)}=1`);
      expect(read).toEqual(path);
    }
  });
});

describe('an item of a list', () => {
  it('is reached by its number, with a dot or in brackets', async () => {
    const { value, folder } = await load(['sources.1.licence=x', 'sources[0].licence=y', 'grid[1][0]=9', 'grid.0.1=8']);
    const file = `${folder}/rows.jsonl`;
    expect(value.sources).toEqual([
      { file, licence: 'y' },
      { file, licence: 'x' },
    ]);
    expect(value.grid).toEqual([
      [1, 8],
      [9, 4],
    ]);
  });

  it('is merged with a map, and replaced by anything else', async () => {
    const { written } = await load(['sources.0={ licence: x }', 'grid.0=[7]']);
    expect(written.sources?.[0]).toEqual({ file: 'rows.jsonl', licence: 'x' });
    expect(written.grid).toEqual([[7], [3, 4]]);
  });

  it('that is not there is an error that says so', async () => {
    expect(await message(['sources.2.file=x'])).toBe(
      '--set sources.2.file=x: `sources` has no item 2; its items are 0 to 1',
    );
    expect(await message(['grid[0][7]=1'])).toBe('--set grid[0][7]=1: `grid[0]` has no item 7; its items are 0 to 1');
    expect(await message(['sources=[]', 'sources[0].file=x'])).toContain('`sources` has no item 0; it is empty');
    expect(await message(['grid=[[1]]', 'grid[1]=[]'])).toContain('`grid` has no item 1; its only item is 0');
    expect(await message(['grid[99999999999999999999]=1'])).toContain('`grid` has no item 100000000000000000000');
  });

  it('of something that is no list is an error that says so', async () => {
    expect(await message(['train[0].epochs=1'])).toBe(
      '--set train[0].epochs=1: `train` is not a list and has no item 0',
    );
    expect(await message(['name[0]=1'])).toContain('`name` is not a list and has no item 0');
    expect(await message(['endpoint[0]=1'])).toContain('`endpoint` is not a list and has no item 0');
    expect(await message(['new.x[0].y=1'])).toContain('`new.x` is not a list and has no item 0');
  });

  it('has no name', async () => {
    expect(await message(['sources.file=x'])).toBe(
      '--set sources.file=x: `sources` is a list; its items are named by number, as in `sources[0]`',
    );
    expect(await message(['sources.-1.file=x'])).toContain('`sources` is a list; its items are named by number');
  });

  it('on a map is a key', async () => {
    expect((await load(['gates.0=6', 'gates.01=7'])).value.gates).toEqual({ 0: 6, '01': 7, 'mini.func': 1 });
  });

  it('cannot be taken away with null', async () => {
    expect(await message(['grid.0=null'])).toBe('--set grid.0=null: `grid[0]` must be a list, not empty');
  });

  it('takes the blame for what it says, and for nothing else in the list', async () => {
    expect(await message(['sources.1.fil=x'])).toBe(
      '--set sources.1.fil=x: unknown key `fil` in `sources[1]`\n  Did you mean `file`?',
    );
    expect(await message(['sources.1.file=gone.jsonl'])).toMatch(
      /^--set sources\.1\.file=gone\.jsonl: there is no file gone\.jsonl/,
    );
    expect(await message(['sources.1={ file: 3 }'])).toContain(
      '--set sources.1={ file: 3 }: `sources[1].file` must be a text',
    );
    const texts = { 'r.yaml': recipe.replace('licence: mit', 'licence: 3') };
    expect(await message(['sources.0.file=rows.jsonl'], texts)).toMatch(
      /^r\.yaml:4:34: `sources\[0\]\.licence` must be a text/,
    );
    expect(await message(['sources=[{}]', 'sources.0.licence=x'])).toBe(
      '--set sources=[{}]: `sources[0].file` is missing (a text)',
    );
    expect(await message(['sources={}', 'sources.0=x'])).toContain(
      '--set sources={}: `sources` must be a list, not a map',
    );
  });

  it('is changed alone, also where an alias stands for the same', async () => {
    const texts = {
      'r.yaml': recipe.replace('  - { file', '  - &s { file').replace('  - { file: rows.jsonl }', '  - *s'),
    };
    const { written } = await load(['sources.1.licence=x'], texts);
    expect(written.sources?.map(({ licence }) => licence)).toEqual(['mit', 'x']);
  });

  it('is reached in what is extended, whose file the rest stays', async () => {
    const texts = { 'r.yaml': 'extends: below/base.yaml\n', 'below/base.yaml': recipe, 'below/rows.jsonl': '' };
    const { value, folder } = await load(['sources.1.file=rows.jsonl'], texts);
    expect(value.sources?.map(({ file }) => file)).toEqual([`${folder}/below/rows.jsonl`, `${folder}/rows.jsonl`]);
  });
});

describe('an override that makes no sense', () => {
  it.each([
    'x',
    '=1',
    '',
    'a..b=1',
    '.a=1',
    'a.=1',
    'a"b',
    '"a=1',
    "'a=1",
    'a."b=1',
    '[0]=1',
    'a[=1',
    'a[x]=1',
    'a[-1]=1',
    'a[0]b=1',
    '"a"b=1',
    '"\\q"=1',
  ])('%s is not of the form', (text) => {
    expect(() => parseOverride(text)).toThrow(`--set ${text} is not of the form a.b=value`);
  });

  it.each([
    ['a=[b', 'a=[b is wrong at character'],
    ['a=*b', 'is wrong at character 3: no value above is marked as `&b`'],
    ['a.b=&x [*x]', 'is wrong at character 9: this alias stands inside'],
    ['a=!!set {b}', 'is wrong at character 3: a recipe has no tags'],
    ['a={ b: 1, b: 2 }', 'is wrong at character 11: this key stands twice'],
    ['a="\\ud83d"', 'is wrong at character 3: this text holds half of a surrogate pair'],
    ['a=99999999999999999999', 'is wrong at character 3: this integer is too large'],
    [`a=${'['.repeat(5000)}`, 'nested more than 100 deep'],
    ['a=1\n---\n2', 'is wrong at character 5: a second document begins here'],
  ])('%s has a value that cannot be read', (text, words) => {
    expect(() => parseOverride(text)).toThrow(words);
  });

  it('has half of a surrogate pair in it, or a path without end', () => {
    for (const text of ['a.\ud83d=1', 'a=x\ude00', `${'x'.repeat(199)}\ud83d\ude00=\ud83d`]) {
      expect(() => parseOverride(text)).toThrow('this text holds half of a surrogate pair');
    }
    expect(() => parseOverride('a."\\ud83d"=1')).toThrow('is not of the form');
    expect(() => parseOverride(`a${'.a'.repeat(100_000)}=1`)).toThrow('more than 100 keys long');
    expect(() => parseOverride(`"${'\\'.repeat(1_000_000)}`)).toThrow('is not of the form');
  });

  it('reaches no prototype', async () => {
    for (const path of ['__proto__', 'constructor', 'train.__proto__.x', 'gates.constructor.prototype']) {
      expect(await message([`${path}={ polluted: 1 }`])).toMatch(/^--set /);
    }
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('would come too late to name what a recipe extends', async () => {
    expect(await message(['extends=other.yaml'])).toBe(
      '--set extends=other.yaml: `extends` can only stand in a recipe',
    );
  });

  it('is told together with everything else, behind what stands in files', async () => {
    const texts = { 'r.yaml': recipe.replace('epochs', 'epoch') };
    const places = (await message(['sources.7.file=x', 'train.step=1'], texts)).match(
      /^(?:r\.yaml:\d+:\d+|--set \S+)/gm,
    );
    expect(places).toEqual(['r.yaml:7:10', '--set sources.7.file=x:', '--set train.step=1:']);
  });
});
