import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import * as z from 'zod';
import { SecpiError } from '../../src/base/errors.js';
import { fromEnvironment, inputPath } from '../../src/recipe/field.js';
import { type LoadedMember, loadMembers } from '../../src/recipe/load-recipe.js';

/** A schema with one field of each kind that the loader treats in its own way. */
const schema = z.strictObject({
  name: z.string(),
  seed: z.number().int().default(0),
  train: z
    .strictObject({
      method: z.enum(['lora', 'qlora', 'full']).default('lora'),
      learning_rate: z.number().positive(),
      epochs: z.number().int().positive().default(1),
    })
    .optional(),
  models: z
    .record(
      z.string(),
      z.strictObject({
        endpoint: fromEnvironment(z.string(), 'http://not-set.invalid').optional(),
        name: z.string().optional(),
      }),
    )
    .optional(),
  sources: z.array(z.union([z.strictObject({ file: inputPath() }), z.strictObject({ hub: z.string() })])).optional(),
});

type SmallRecipe = z.infer<typeof schema>;

interface LoadOptions {
  readonly overrides?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** For each test a folder of its own, and what loads a text from it as `recipe.yaml`. */
export function smallRecipes() {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'secpi-recipe-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const loadAll = async (text: string, options: LoadOptions = {}): Promise<readonly LoadedMember<SmallRecipe>[]> => {
    await writeFile(join(folder, 'recipe.yaml'), text);
    return loadMembers({ path: 'recipe.yaml', schema, workingDirectory: folder, environment: {}, ...options });
  };
  const load = async (text: string, options: LoadOptions = {}): Promise<LoadedMember<SmallRecipe>> => {
    const [first, ...others] = await loadAll(text, options);
    if (first === undefined || others.length > 0) throw new Error(`the recipe stands for ${1 + others.length} runs`);
    return first;
  };

  /** What is said of a text that has to be refused; nothing may have been written. */
  const complaint = async (text: string, options?: LoadOptions): Promise<string> => {
    const error = await loadAll(text, options).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(SecpiError);
    expect((error as SecpiError).exitCode).toBe(2);
    expect(await readdir(folder)).not.toContain('.secpi');
    return (error as SecpiError).message;
  };

  return { load, loadAll, complaint, pathOf: (name: string) => join(folder, name) };
}
