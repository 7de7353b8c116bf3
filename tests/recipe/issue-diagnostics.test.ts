import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { complaintsOf } from '../../src/recipe/issue-diagnostics.js';

/** What is said of a value that does not fit: message and, where there is one, hint. */
function said(schema: z.ZodType, value: unknown): readonly string[] {
  const { error } = schema.safeParse(value, { reportInput: true });
  return complaintsOf(error?.issues ?? [], schema).map(({ words }) => {
    const { message, hint } = words();
    return hint === undefined ? message : `${message} | ${hint}`;
  });
}

const field = (schema: z.ZodType) => z.strictObject({ x: schema });

describe('a value of another type', () => {
  it.each([
    [z.string(), null, 'a text, not empty'],
    [z.string(), ['a'], 'a text, not a list'],
    [z.string(), { a: 1 }, 'a text, not a map'],
    [z.string(), true, 'a text, not true'],
    [z.string(), 3, 'a text, not the number 3'],
    [z.number(), 'a'.repeat(41), `a number, not the text "${'a'.repeat(40)}…"`],
    [z.int(), 0.5, 'a whole number, not the number 0.5'],
    [z.boolean(), 'yes', 'true or false, not the text "yes"'],
    [z.array(z.string()), 'a', 'a list, not the text "a"'],
    [z.strictObject({}), 'a', 'a map, not the text "a"'],
    [z.record(z.string(), z.string()), 'a', 'a map, not the text "a"'],
    [z.null(), 'a', 'null, not the text "a"'],
  ])('is told with both types: %# %j', (schema, value, words) => {
    expect(said(field(schema), { x: value })).toEqual([`\`x\` must be ${words}`]);
  });

  it('is called by its path, the whole by what it is', () => {
    expect(said(z.strictObject({ a: z.array(field(z.string())) }), { a: [{ x: 3 }] })).toEqual([
      '`a[0].x` must be a text, not the number 3',
    ]);
    expect(said(field(z.string()), ['a'])).toEqual(['the recipe must be a map, not a list']);
  });

  it('is said to be missing where there is none', () => {
    expect(said(field(z.string()), {})).toEqual(['`x` is missing (a text)']);
    expect(said(field(z.enum(['a', 'b'])), {})).toEqual(['`x` is missing (one of a, b)']);
    expect(said(field(z.literal('a')), {})).toEqual(['`x` is missing (a)']);
  });
});

describe('a number out of its range', () => {
  it.each([
    [z.number().positive(), -1, 'more than 0, not the number -1'],
    [z.int().min(6), 3, 'at least 6, not the number 3'],
    [z.number().max(1), 2, 'at most 1, not the number 2'],
    [z.number().lt(1), 1, 'less than 1, not the number 1'],
  ])('is told with the bound: %# %j', (schema, value, words) => {
    expect(said(field(schema), { x: value })).toEqual([`\`x\` must be ${words}`]);
  });
});

it('a rule may blame the key', () => {
  const schema = z.record(z.string(), z.number()).superRefine((_, context) => {
    for (const what of ['key', 'value']) {
      context.addIssue({ code: 'custom', path: ['x'], message: 'no', params: { what } });
    }
  });
  const { error } = schema.safeParse({ x: 1 });
  expect(complaintsOf(error?.issues ?? [], schema).map(({ what }) => what)).toEqual(['key', 'value']);
});

describe('a value that is none of those allowed', () => {
  it('is told with them, and with the near one if one is near', () => {
    const method = field(z.enum(['lora', 'full']));
    expect(said(method, { x: 'lorra' })).toEqual([
      '`x` must be one of lora, full, not the text "lorra" | Did you mean `lora`?',
    ]);
    expect(said(method, { x: 'prefix' })).toEqual(['`x` must be one of lora, full, not the text "prefix"']);
    expect(said(method, { x: 3 })).toEqual(['`x` must be one of lora, full, not the number 3']);
    expect(said(field(z.literal(3)), { x: 4 })).toEqual(['`x` must be 3, not the number 4']);
  });

  it('is told in the words of its rule where there are others', () => {
    const even = z.number().refine((value) => value % 2 === 0, 'Must be EVEN');
    expect(said(field(even), { x: 3 })).toEqual(['`x`: must be EVEN']);
  });
});

describe('an unknown key', () => {
  const known = (...names: readonly string[]) =>
    z.strictObject(Object.fromEntries(names.map((name) => [name, z.number().optional()])));

  it('is told with the near one, else with all that there are, each once', () => {
    expect(said(known('epochs', 'steps'), { epoch: 1 })).toEqual(['unknown key `epoch` | Did you mean `epochs`?']);
    expect(said(known('epochs', 'steps'), { rank: 1 })).toEqual([
      'unknown key `rank` | Known keys here: epochs, steps.',
    ]);
    expect(said(known(), { rank: 1 })).toEqual(['unknown key `rank`']);
    const union = z.union([known('epochs', 'steps'), known('epochs', 'seconds')]);
    expect(said(field(union), { x: { rank: 1 } })).toEqual([
      'unknown key `rank` in `x` | Known keys here: epochs, steps, seconds.',
    ]);
  });

  it('is cut where it is too long to be read, and is each a mistake of its own', () => {
    const keys = ['a'.repeat(81), 'b'];
    const schema = field(known('epochs'));
    const { error } = schema.safeParse({ x: { [keys[0] ?? '']: 1, b: 1 } }, { reportInput: true });
    const complaints = complaintsOf(error?.issues ?? [], schema);
    expect(complaints.map(({ path, what }) => [path, what])).toEqual(keys.map((key) => [['x', key], 'key']));
    expect(complaints[0]?.words().message).toBe(`unknown key \`${'a'.repeat(80)}…\` in \`x\``);
  });

  it('of a map whose keys have a rule is told with the rule', () => {
    const schema = field(z.record(z.string().max(3, 'Has at most three letters'), z.number()));
    expect(said(schema, { x: { abcd: 1 } })).toEqual(['`x.abcd`: has at most three letters']);
  });
});

describe('a value that may have several forms', () => {
  const file = z.object({ kind: z.literal('file'), path: z.string() });
  const point = z.strictObject({ x: z.number(), y: z.number() });

  /** Each way round, so that it is not by chance that the first is taken. */
  const bothWays = (left: z.ZodType, right: z.ZodType, value: unknown) => {
    const words = said(z.strictObject({ a: z.union([left, right]) }), { a: value });
    expect(said(z.strictObject({ a: z.union([right, left]) }), { a: value })).toEqual(words);
    return words;
  };

  it('is held to one that is of its type, however much is wrong inside', () => {
    expect(bothWays(z.string(), point, { x: 'a', y: 'b' })).toEqual([
      '`a.x` must be a number, not the text "a"',
      '`a.y` must be a number, not the text "b"',
    ]);
    expect(bothWays(z.string(), z.strictObject({ name: z.string().optional() }), { nam: 'a' })).toEqual([
      'unknown key `nam` in `a` | Did you mean `name`?',
    ]);
  });

  it('is held to the one with less wrong', () => {
    expect(bothWays(point, z.strictObject({ x: z.number(), y: z.string() }), { x: 'a', y: 'b' })).toEqual([
      '`a.x` must be a number, not the text "a"',
    ]);
  });

  it('is held to the one that knows its keys', () => {
    expect(bothWays(z.strictObject({ z: z.number().optional() }), point, { x: 'a', y: 'b' })).toHaveLength(2);
  });

  it('is held to the one that it names', () => {
    const hub = z.object({ kind: z.literal('hub'), path: z.number(), revision: z.string() });
    expect(bothWays(file, hub, { kind: 'hub', path: 'a', revision: 3 })).toEqual([
      '`a.path` must be a number, not the text "a"',
      '`a.revision` must be a text, not the number 3',
    ]);
  });

  it('is held to the one of which nothing is missing', () => {
    const needsMore = z.object({ z: z.number() });
    const needsEither = z.object({ z: z.union([z.number(), z.string()]) });
    for (const other of [needsMore, needsEither]) expect(bothWays(other, point, { x: 'a', y: 'b' })).toHaveLength(2);
  });

  it('is asked for in the first of them where there is none', () => {
    expect(said(field(z.union([file, z.literal('auto')])), {})).toEqual(['`x` is missing (a map)']);
  });

  it('is told in general where a form cannot be chosen', () => {
    const hub = z.object({ kind: z.literal('hub') });
    expect(said(field(z.discriminatedUnion('kind', [file, hub])), { x: { kind: 'a' } })).toEqual([
      '`x.kind` has none of the allowed forms',
    ]);
  });
});
