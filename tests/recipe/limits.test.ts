import { describe, expect, it } from 'vitest';
import { recipeSchema } from '../../src/pipeline.js';
import { RecipeError } from '../../src/recipe/diagnostic.js';
import { loadRecipe } from '../../src/recipe/load-recipe.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** Loads a recipe that is wrong, with the real schema. */
async function refused(text: string, overrides: readonly string[] = []) {
  await using folder = await temporaryFolder();
  await folder.write('r.yaml', text);
  const started = performance.now();
  const loading = loadRecipe({
    path: 'r.yaml',
    schema: recipeSchema,
    overrides,
    environment: {},
    workingDirectory: folder.path,
  });
  const error = await loading.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  // Each takes a fraction of a second, and took minutes where something was quadratic.
  expect(performance.now() - started).toBeLessThan(10_000);
  expect(error).toBeInstanceOf(RecipeError);
  const { message, diagnostics } = error as RecipeError;
  expect(message.length).toBeLessThan(50_000);
  expect(message).not.toMatch(/node_modules|RangeError|call stack/);
  return { message, diagnostics };
}

const numbered = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => line(i)).join('');
const megabyte = 1024 * 1024;
const filled = (piece: string, length = megabyte - 100) => piece.repeat(Math.floor(length / piece.length));

describe('a recipe with very much of one thing is refused in linear time', () => {
  it('20,000 unknown keys: the first of them are told, the others counted', async () => {
    const { message, diagnostics } = await refused(numbered(20_000, (index) => `key${index}: 1\n`));
    expect(message).toContain('r.yaml:10:1: unknown key `key9`');
    expect(message).toMatch(/… and 19\d{3} more$/);
    expect(diagnostics).toHaveLength(200);
  });

  it('60,000 unknown keys are more than a recipe has', async () => {
    const { message } = await refused(numbered(60_000, (index) => `key${index}: 1\n`));
    expect(message).toContain('a recipe has at most 150000 words, signs and line ends');
    expect(message).toContain('Was a dataset meant?');
  });

  it('unknown keys inside lists, and models without end', async () => {
    const sources = numbered(9_000, (index) => `  - { fil: ${index} }\n`);
    expect((await refused(`collect:\n  sources:\n${sources}`)).message).toContain('unknown key `fil`');
    await refused(`models:\n${numbered(15_000, (index) => ` m${index}: {}\n`)}`);
  });

  it('names of files that are not there', async () => {
    const sources = numbered(9_000, (index) => `  - { file: f${index} }\n`);
    expect((await refused(`collect:\n  sources:\n${sources}`)).message).toContain('there is no file f0');
  });

  it('200,000 `${`, closed and not, where they are allowed and where not', async () => {
    const endpoint = (text: string) => `models: { m: { model: a, endpoint: "${text}" } }\n`;
    for (const text of [filled('${'), filled('${a}'), numbered(100_000, (index) => `\${A${index}}`)]) {
      await refused(`description: "${text}"\n`);
      await refused(endpoint(text));
    }
    // One mistake in a text is one, however often it is made.
    expect((await refused(`description: "${filled('${a}')}"\n`)).diagnostics.length).toBeLessThan(20);
  });

  it('keys of half a mebibyte with much below them', async () => {
    const key = 'k'.repeat(megabyte / 2);
    const inner = numbered(10_000, (index) => `a${index}: "\${A}", `);
    await refused(`models: { "${key}": { ${inner} } }\n`);
    await refused(`"${key}": { ${inner} }\n`);
  });

  it('anchors, aliases, tags and merge keys', async () => {
    await refused(numbered(14_000, (index) => `k${index}: &a${index} 1\n`));
    await refused(`k: &a 1\n${numbered(20_000, (index) => `k${index}: *a\n`)}`);
    await refused(numbered(20_000, (index) => `k${index}: *a${index}\n`));
    await refused(numbered(14_000, (index) => `k${index}: !t 1\n`));
    await refused(
      `a: &a { ${numbered(1000, (index) => `k${index}: 1, `)} }\n${numbered(3000, (i) => `m${i}: { <<: *a }\n`)}`,
    );
  });

  it('gates and suites that do not know each other', async () => {
    const suites = numbered(6_000, (index) => `s${index}: {}, `);
    const gates = numbered(6_000, (index) => `t${index}.func_at_1: 1, `);
    const { message } = await refused(
      `name: a
models: { target: { model: a }, classifier: { model: a }, teacher: { model: a } }
collect: { sources: [{ hub: a/b }] }
train: { epochs: 1 }
evaluate: { suites: { ${suites} }, gates: { min_gain: { ${gates} } } }
`,
    );
    expect(message).toContain('there is no suite "s0" (there are: mini, ');
  });

  it('overrides', async () => {
    const overrides = Array.from({ length: 5000 }, (_, index) => `train.x${index}=1`);
    const { diagnostics } = await refused('name: a\n', overrides);
    expect(diagnostics.some(({ message }) => message === '--set train.x0=1: unknown key `x0` in `train`')).toBe(true);
  });

  it.each([
    '[',
    '{a: ',
    '- ',
    '? ',
    ']',
    ',',
    ':',
    '"',
    "'",
    '\n',
    '\t',
    '!a ',
    '%a\n',
    '---\n',
    '|\n',
    '[]!',
    '\ufeff',
  ])('a mebibyte of %j', async (piece) => {
    await refused(filled(piece, megabyte / Buffer.byteLength(piece) - 10));
  });

  it.each(['\\q', ' ', "''", '\\\n', '  x\n'])('a text of half a mebibyte of %j', async (piece) => {
    const text = filled(piece, megabyte / 2);
    for (const around of [
      'description: "_"',
      "description: '_'",
      'description: |\n  _\n',
      '&_ a',
      '? "_"\n: { a: 1, b: 2 }',
    ]) {
      await refused(around.replace('_', () => text));
    }
  });
});

describe('deep nesting', () => {
  const deep = `nested more than 100 deep`;

  it.each(['[', '{a: ', '- ', '? ', '[{a: '])('of %j is refused at its place', async (piece) => {
    for (const count of [5_000, 100_000]) {
      const { message, diagnostics } = await refused(piece.repeat(count));
      expect(message).toContain(deep);
      expect(diagnostics[0]?.location?.line).toBe(1);
    }
  });

  it('of maps by indentation is refused at its place', async () => {
    const { message } = await refused(numbered(1000, (index) => `${' '.repeat(index)}a:\n`));
    expect(message).toMatch(/^r\.yaml:10\d:10\d: nested more than 100 deep/);
  });

  it('of a hundred is none yet', async () => {
    const text = `name: ${'['.repeat(99)}${']'.repeat(99)}\n`;
    expect((await refused(text)).message).toContain('`name` must be a text, not a list');
  });
});
