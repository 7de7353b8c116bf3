import { writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { RecipeError } from '../../src/recipe/diagnostic.js';
import { fromEnvironment, inputPath } from '../../src/recipe/field.js';
import { loadRecipe } from '../../src/recipe/load-recipe.js';
import { smallRecipes } from './small-recipe.js';

const { load, complaint, pathOf } = smallRecipes();

describe('loadRecipe', () => {
  it('reads a recipe and fills in defaults', async () => {
    const recipe = await load('name: a\ntrain: { learning_rate: 1e-4 }\n');
    expect(recipe.value.train).toEqual({ method: 'lora', learning_rate: 1e-4, epochs: 1 });
    expect(recipe.written).toEqual({ name: 'a', train: { learning_rate: 1e-4 } });
  });

  it('points at an unknown key and suggests the near one', async () => {
    expect(await complaint('name: a\ntrain:\n  learning_rat: 1e-4\n  learning_rate: 1\n')).toMatchInlineSnapshot(`
      "recipe.yaml:3:3: unknown key \`learning_rat\` in \`train\`
        3 |   learning_rat: 1e-4
          |   ^^^^^^^^^^^^
        Did you mean \`learning_rate\`?"
    `);
  });

  it('reports every mistake at once, each with its place', async () => {
    const message = await complaint('name: 3\nseed: many\ntrain: { method: lorra, learning_rate: 1 }\n');
    expect(message).toContain('recipe.yaml:1:7: `name` must be a text, not the number 3');
    expect(message).toContain('recipe.yaml:2:7: `seed` must be a number, not the text "many"');
    expect(message).toContain(
      'recipe.yaml:3:18: `train.method` must be one of lora, qlora, full, not the text "lorra"',
    );
    expect(message).toContain('Did you mean `lora`?');
  });

  it('points at the parent of a missing key', async () => {
    expect(await complaint('name: a\ntrain:\n  epochs: 2\n')).toContain(
      'recipe.yaml:2:1: `train.learning_rate` is missing (a number)',
    );
  });

  it('refuses duplicate keys, broken YAML, an empty file and a list', async () => {
    expect(await complaint('name: a\nname: b\n')).toContain('recipe.yaml:2:1: this key stands twice');
    expect(await complaint('name: [a\ntrain: }\n')).toMatch(/recipe\.yaml:\d+:\d+: /);
    expect(await complaint('')).toContain('the recipe is empty');
    expect(await complaint('- a\n')).toContain('a recipe is a map');
  });

  it('refuses an alias bomb', async () => {
    const levels = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(',')}]`);
    expect(await complaint(`a0: &a0 [x,x,x,x,x,x,x,x,x]\n${levels.join('\n')}\n`)).toContain(
      'aliases expand to too much',
    );
  });

  it('refuses five megabytes of garbage and binary files without reading them as YAML', async () => {
    expect(await complaint('x'.repeat(5_000_000))).toContain('has 5000000 bytes');
    expect(await complaint('na\0me: a')).toContain('is not a text file');
  });

  it('refuses integers that would lose digits', async () => {
    expect(await complaint('name: a\nseed: 12345678901234567890\n')).toContain('too large to be kept exactly');
  });

  it('says so when the file is missing', async () => {
    const loading = loadRecipe({
      path: 'none.yaml',
      schema: z.unknown(),
      workingDirectory: pathOf('.'),
      environment: {},
    });
    await expect(loading).rejects.toThrow('there is no file none.yaml');
  });

  it('names a data file that is missing, at its place', async () => {
    expect(await complaint('name: a\nsources:\n  - { file: rows.jsonl }\n')).toContain(
      'recipe.yaml:3:13: there is no file rows.jsonl',
    );
  });

  it('refuses a path that no file can have', async () => {
    expect(await complaint('name: a\nsources: [{ file: "a\\0b" }]\n')).toContain(
      'recipe.yaml:2:19: `sources[0].file` holds a NUL, which no path can',
    );
  });

  it('resolves data files against the recipe that names them', async () => {
    await writeFile(pathOf('rows.jsonl'), '');
    const recipe = await load('name: a\nsources: [{ file: rows.jsonl }]\n');
    expect(recipe.value.sources).toEqual([{ file: pathOf('rows.jsonl') }]);
  });

  it('narrows a union to the branch that was meant', async () => {
    const message = await complaint('name: a\nsources: [{ hubb: x/y }]\n');
    expect(message).toContain('unknown key `hubb`');
    expect(message).toContain('Did you mean `hub`?');
  });
});

describe('environment', () => {
  it('is read only where the schema allows it', async () => {
    const text = 'name: a\nmodels: { m: { endpoint: "${URL}/v1" } }\n';
    expect((await load(text, { environment: { URL: 'http://x' } })).value.models?.m?.endpoint).toBe('http://x/v1');
    expect((await load(text, { environment: { URL: 'http://x' } })).written).toMatchObject({
      models: { m: { endpoint: '${URL}/v1' } },
    });
    expect(await complaint(text)).toContain('recipe.yaml:2:26: the environment variable URL is not set');
    expect(await complaint('name: "${URL}"\n', { environment: { URL: 'x' } })).toContain('`name` may not use ${URL}');
  });

  it('is filled in as often as it is named, and what is not closed is text', async () => {
    const endpoint = async (text: string) => {
      const recipe = await load(`name: a\nmodels: { m: { endpoint: "${text}" } }\n`, {
        environment: { A: '1', B: '${A}' },
      });
      return recipe.value.models?.m?.endpoint;
    };
    expect(await endpoint('${A}-${A}${B}')).toBe('1-1${A}');
    expect(await endpoint('${A}${A')).toBe('1${A');
    expect(await endpoint('a$A}$')).toBe('a$A}$');
  });

  it('that is missing hides no other mistake of the same place', async () => {
    const message = await complaint('name: a\nmodels: { m: { endpint: "${URL}", endpoint: "${URL}" } }\n');
    expect(message).toContain('recipe.yaml:2:16: unknown key `endpint`');
    expect(message).toContain('recipe.yaml:2:25: `models.m.endpint` may not use ${URL}');
    expect(message).toContain('recipe.yaml:2:45: the environment variable URL is not set');
  });

  it('has no variables but those that were set', async () => {
    for (const name of ['constructor', '__proto__', 'toString', '', 'EMPTY', '${A']) {
      const text = `name: a\nmodels: { m: { endpoint: "\${${name}}" } }\n`;
      expect(await complaint(text, { environment: { EMPTY: '' } })).toContain(
        `recipe.yaml:2:26: the environment variable ${name} is not set`,
      );
    }
  });
});

describe('maps that take any key', () => {
  const model = z
    .strictObject({
      model: z.string(),
      endpoint: fromEnvironment(z.url(), 'http://not-set.invalid').optional(),
      replay: inputPath().optional(),
      serve: z.strictObject({ engine: z.literal('transformers') }).optional(),
    })
    .refine((spec) => spec.endpoint === undefined || spec.serve === undefined, {
      path: ['serve'],
      message: 'a model has either an endpoint or serve, not both',
    });
  const models = z.strictObject({
    models: z.object({ target: z.strictObject({ folder: z.string() }) }).catchall(model),
    compute: z.record(z.string(), z.strictObject({ local: z.strictObject({ threads: z.number() }) })).optional(),
  });
  const target = '  target: { folder: x }\n';
  const loadModels = async (text: string, environment: Record<string, string> = {}) => {
    await writeFile(pathOf('recipe.yaml'), `models:\n${target}${text}`);
    return loadRecipe({ path: 'recipe.yaml', schema: models, workingDirectory: pathOf('.'), environment });
  };
  const message = (text: string, environment?: Record<string, string>) =>
    loadModels(text, environment).then(
      () => 'no error',
      (error: Error) => error.message,
    );

  it('resolve paths and the environment inside', async () => {
    await writeFile(pathOf('rows.jsonl'), '');
    const text = '  teacher: { model: a, endpoint: "${URL}/v1" }\n  classifier: { model: b, replay: rows.jsonl }\n';
    const { value } = await loadModels(text, { URL: 'http://x' });
    expect(value.models).toMatchObject({
      teacher: { endpoint: 'http://x/v1' },
      classifier: { replay: pathOf('rows.jsonl') },
    });
  });

  it('point at mistakes inside, with the near name', async () => {
    expect(await message('  teacher: { model: a, endpint: http://x }\n')).toContain(
      'recipe.yaml:3:24: unknown key `endpint` in `models.teacher`',
    );
    expect(await message('  teacher: { model: a, endpint: http://x }\n')).toContain('Did you mean `endpoint`?');
    expect(await message('  teacher: { model: a, serve: { engine: transformer } }\n')).toMatch(
      /recipe\.yaml:3:41: `models\.teacher\.serve\.engine` must be transformers[\s\S]*Did you mean `transformers`\?/,
    );
    expect(await message('  teacher: { model: a, replay: none.jsonl }\n')).toContain(
      'recipe.yaml:3:32: there is no file none.jsonl',
    );
    expect(await message('  teacher: { model: "${NAME}" }\n', { NAME: 'a' })).toContain(
      'recipe.yaml:3:21: `models.teacher.model` may not use ${NAME}',
    );
    expect(await message('  teacher: { model: a, endpoint: http://x, serve: { engine: transformers } }\n')).toContain(
      'recipe.yaml:3:51: `models.teacher.serve`: a model has either an endpoint or serve, not both',
    );
    expect(await message('  teacher: a\n')).toContain('recipe.yaml:3:12: `models.teacher` must be a map');
    expect(await message('compute: { here: { local: { thread: 3 } } }\n')).toMatch(
      /recipe\.yaml:3:29: unknown key `thread` in `compute\.here\.local`[\s\S]*Did you mean `threads`\?/,
    );
  });

  it('find a mistake of a preset override there too', async () => {
    await writeFile(pathOf('recipe.yaml'), `models:\n${target}  teacher: { model: a }\n`);
    const loading = loadRecipe({
      path: 'recipe.yaml',
      schema: models,
      workingDirectory: pathOf('.'),
      environment: {},
      overrides: ['models.teacher.replay=gone.jsonl'],
    });
    await expect(loading).rejects.toThrow('--set models.teacher.replay=gone.jsonl: there is no file gone.jsonl');
  });
});

describe('names of built-in properties', () => {
  it('are unknown keys like any other, in one layer and in several', async () => {
    await writeFile(pathOf('base.yaml'), 'name: base\n');
    for (const key of ['__proto__', 'constructor', 'toString']) {
      for (const value of ['{ seed: 3 }', 'null', '3']) {
        expect(await complaint(`name: a\n${key}: ${value}\n`)).toContain(`unknown key \`${key}\``);
        expect(await complaint(`extends: base.yaml\n${key}: ${value}\n`)).toContain(`unknown key \`${key}\``);
      }
    }
    expect(({} as Record<string, unknown>).seed).toBeUndefined();
  });
});

describe('any text at all', () => {
  it('is either a recipe or a RecipeError with a place', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.string({ unit: fc.constantFrom('a', ':', ' ', '\n', '{', '}', '[', '&', '*', '-', '"', '#') }),
        ),
        async (text) => {
          const outcome = await load(text).catch((error: unknown) => error);
          if (outcome instanceof Error) expect(outcome).toBeInstanceOf(RecipeError);
        },
      ),
      { numRuns: 150 },
    );
  });
});
