import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { traitsOf } from '../../../src/base/schema/field-traits.js';
import { knownKeys, partsOf, schemasAt } from '../../../src/base/schema/schema-walk.js';
import { fromEnvironment, inputPath } from '../../../src/recipe/field.js';

const leaf = z.strictObject({
  file: inputPath().optional(),
  url: fromEnvironment(z.string(), 'http://not-set.invalid').default('x'),
});
const refined = leaf.refine(() => true, 'never fires');

/** Every way in which a schema can hold another one; each leads to a `leaf` at the given path. */
const holders: Readonly<Record<string, readonly [z.ZodType, readonly PropertyKey[]]>> = {
  'an object': [z.strictObject({ a: leaf }), ['a']],
  'a refined object': [z.strictObject({ a: refined }), ['a']],
  'an object refined twice': [z.strictObject({ a: refined.refine(() => true).superRefine(() => undefined) }), ['a']],
  'an object that takes anything': [z.object({ other: z.number() }).catchall(leaf), ['a']],
  'a refined one that takes anything': [
    z.strictObject({
      models: z
        .object({ other: z.number() })
        .catchall(refined)
        .refine(() => true),
    }),
    ['models', 'a'],
  ],
  'a record': [z.record(z.string(), refined), ['a']],
  'a list': [z.array(refined), [3]],
  'a tuple': [z.tuple([z.string(), leaf]), [1]],
  'the rest of a tuple': [z.tuple([z.string()], leaf), [4]],
  'a union': [z.union([z.string(), z.strictObject({ a: leaf }), z.strictObject({ b: z.string() })]), ['a']],
  'a discriminated union': [
    z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('x') }),
      z.strictObject({ kind: z.literal('y'), a: leaf }),
    ]),
    ['a'],
  ],
  'an intersection': [z.intersection(z.object({ a: leaf }), z.object({ b: z.string() })), ['a']],
  wrappers: [z.strictObject({ a: leaf.optional().nullable().readonly() }).prefault({}), ['a']],
  'a transformed object': [z.strictObject({ a: leaf }).transform((value) => value.a), ['a']],
  'a preprocessed object': [z.preprocess((value) => value, z.strictObject({ a: leaf })), ['a']],
  'a lazy object': [z.lazy(() => z.strictObject({ a: leaf })), ['a']],
};

describe('schemasAt', () => {
  it.each(Object.entries(holders))('finds what is known of a field inside %s', (_name, [schema, path]) => {
    const traits = (key: string) => schemasAt(schema, [...path, key]).map(traitsOf);
    expect(traits('file')).toContainEqual({ path: 'input' });
    expect(traits('url')).toContainEqual({ environment: { standIn: 'http://not-set.invalid' } });
    expect(knownKeys(schema, path)).toEqual(['file', 'url']);
  });

  it('prefers the named field of an object that takes anything', () => {
    const schema = z.object({ target: z.strictObject({ folder: z.string() }) }).catchall(leaf);
    expect(knownKeys(schema, ['target'])).toEqual(['folder']);
    expect(knownKeys(schema, [])).toEqual(['target']);
  });

  it('knows nothing of places that are not there', () => {
    expect(schemasAt(leaf, ['missing'])).toEqual([]);
    expect(schemasAt(leaf, ['file', 'deeper'])).toEqual([]);
    for (const inherited of ['constructor', '__proto__', 'toString']) expect(schemasAt(leaf, [inherited])).toEqual([]);
  });

  it('keeps a mark through further checks on the field', () => {
    const schema = z.strictObject({ file: inputPath().endsWith('.jsonl') });
    expect(schemasAt(schema, ['file']).map(traitsOf)).toContainEqual({ path: 'input' });
  });

  it('knows the keys of a record over an enum', () => {
    expect(knownKeys(z.partialRecord(z.enum(['x', 'y']), z.number()), [])).toEqual(['x', 'y']);
  });
});

describe('partsOf', () => {
  const [a, b, c] = [z.literal('a'), z.literal('b'), z.literal('c')];
  const text = z.string();

  it.each<[string, z.ZodType, readonly z.ZodType[]]>([
    ['a text', text, []],
    ['an object', z.object({ a, b }), [a, b]],
    ['an object that takes anything', z.object({ a }).catchall(b), [a, b]],
    ['a list', z.array(a), [a]],
    ['a tuple', z.tuple([a, b]), [a, b]],
    ['a tuple with a rest', z.tuple([a, b], c), [a, b, c]],
    ['a record', z.record(a, b), [a, b]],
    ['a map', z.map(a, b), [a, b]],
    ['a union', z.union([a, b]), [a, b]],
    ['an intersection', z.intersection(a, b), [a, b]],
    ['a pipe', text.pipe(a), [text, a]],
    ['an optional', a.optional(), [a]],
    ['a default', a.default('a'), [a]],
    ['what is known only later', z.lazy(() => a), [a]],
  ])('of %s are all that stand directly in it', (_what, schema, parts) => {
    expect(partsOf(schema)).toHaveLength(parts.length);
    for (const [index, part] of partsOf(schema).entries()) expect(part).toBe(parts[index]);
  });
});
