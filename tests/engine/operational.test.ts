import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { sha256, sha256Json } from '../../src/base/hash.js';
import type { Json } from '../../src/base/json.js';
import { fingerprintOf, type Preimage } from '../../src/engine/flow/fingerprint.js';
import { meaningOf, operational } from '../../src/engine/operational.js';

describe('meaningOf', () => {
  it('takes marked fields out of every kind of schema', () => {
    const Inner = z.object({ keep: z.string(), workers: operational(z.number()) });
    const cases: readonly [string, z.ZodType, unknown, Json][] = [
      ['object', Inner, { keep: 'a', workers: 1 }, { keep: 'a' }],
      ['loose object', z.looseObject({ n: operational(z.number()) }), { n: 1, other: [2] }, { other: [2] }],
      ['catchall', z.object({}).catchall(Inner), { x: { keep: 'a', workers: 1 } }, { x: { keep: 'a' } }],
      ['optional', Inner.optional(), { keep: 'a', workers: 1 }, { keep: 'a' }],
      ['mark inside optional', z.object({ n: operational(z.number()).optional() }), { n: 1 }, {}],
      ['mark around default', z.object({ n: operational(z.number().default(3)) }), { n: 1 }, {}],
      ['nullable', z.object({ n: Inner.nullable() }), { n: null }, { n: null }],
      ['default', Inner.default({ keep: 'a', workers: 1 }), { keep: 'b', workers: 1 }, { keep: 'b' }],
      ['prefault', Inner.prefault({ keep: 'a', workers: 1 }), { keep: 'b', workers: 1 }, { keep: 'b' }],
      ['readonly', Inner.readonly(), { keep: 'a', workers: 1 }, { keep: 'a' }],
      ['catch', Inner.catch({ keep: 'a', workers: 1 }), { keep: 'a', workers: 1 }, { keep: 'a' }],
      ['array', z.array(Inner), [{ keep: 'a', workers: 1 }], [{ keep: 'a' }]],
      ['tuple', z.tuple([z.string(), Inner], z.number()), ['x', { keep: 'a', workers: 1 }, 3], ['x', { keep: 'a' }, 3]],
      ['record', z.record(z.string(), Inner), { x: { keep: 'a', workers: 1 } }, { x: { keep: 'a' } }],
      ['union', z.union([z.string(), Inner]), { keep: 'a', workers: 1 }, { keep: 'a' }],
      ['lazy', z.lazy(() => Inner), { keep: 'a', workers: 1 }, { keep: 'a' }],
      ['pipe', z.unknown().pipe(Inner), { keep: 'a', workers: 1 }, { keep: 'a' }],
      ['preprocess', z.preprocess((v) => v, Inner), { keep: 'a', workers: 1 }, { keep: 'a' }],
      [
        'transform and pipe',
        z
          .string()
          .transform((keep) => ({ keep, workers: 1 }))
          .pipe(Inner),
        { keep: 'a', workers: 1 },
        { keep: 'a' },
      ],
      ['refined', Inner.refine(() => true), { keep: 'a', workers: 1 }, { keep: 'a' }],
      ['described after marking', z.object({ n: operational(z.number()).describe('n') }), { n: 1 }, {}],
      ['checked after marking', z.object({ n: operational(z.number()).min(1) }), { n: 1 }, {}],
      [
        'intersection',
        z.intersection(Inner, z.looseObject({ b: z.number() })),
        { keep: 'a', workers: 1, b: 2 },
        { keep: 'a', b: 2 },
      ],
      ['whole', operational(Inner), { keep: 'a', workers: 1 }, {}],
    ];
    for (const [name, schema, value, meaning] of cases) expect.soft(meaningOf(schema, value), name).toEqual(meaning);
  });

  it('leaves the schema unmarked where it is used in another place, and keeps its description', () => {
    const Count = z.number().describe('how many');
    const both = z.object({ workers: operational(Count), samples: Count });
    expect(meaningOf(both, { workers: 1, samples: 2 })).toEqual({ samples: 2 });
    expect(z.toJSONSchema(both).properties?.workers).toMatchObject({ description: 'how many' });
  });

  it('follows the option of a union that takes the value', () => {
    const Source = z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('hub'), n: operational(z.number()) }),
      z.object({ kind: z.literal('file'), n: z.number() }),
    ]);
    expect(meaningOf(Source, { kind: 'hub', n: 1 })).toEqual({ kind: 'hub' });
    expect(meaningOf(Source, { kind: 'file', n: 1 })).toEqual({ kind: 'file', n: 1 });
  });

  it('refuses a mark that a transform hides, and values that JSON cannot hold', () => {
    const hidden = z.object({ n: operational(z.number()) }).transform(({ n }) => ({ m: n }));
    expect(() => meaningOf(z.object({ a: hidden }), { a: { m: 1 } })).toThrow('the operational fields in params.a');
    expect(() => meaningOf(z.object({ d: z.date() }), { d: new Date() })).toThrow('params.d is not plain JSON');
    expect(() => meaningOf(z.object({ n: z.number() }), { n: Number.NaN })).toThrow('params.n is not plain JSON');
    expect(meaningOf(z.string().transform(Number), 5)).toBe(5);
  });

  it('sees no difference between absent and undefined', () => {
    const schema = z.object({ a: z.number().optional() });
    expect(meaningOf(schema, { a: undefined })).toEqual(meaningOf(schema, {}));
  });
});

describe('fingerprintOf', () => {
  const Params = z.object({
    temperature: z.number(),
    groups: z.array(z.string()),
    nested: z.object({ depth: z.int(), retries: operational(z.int()) }),
    concurrency: operational(z.int()),
  });
  type Params = z.infer<typeof Params>;
  const params: fc.Arbitrary<Params> = fc.record({
    temperature: fc.double({ noNaN: true, noDefaultInfinity: true }),
    groups: fc.array(fc.string(), { maxLength: 4 }),
    nested: fc.record({ depth: fc.integer(), retries: fc.integer() }),
    concurrency: fc.integer(),
  });
  const preimageOf = (value: Params): Preimage => ({
    stage: 'filter',
    version: 1,
    params: meaningOf(Params, value),
    seed: 7,
    inputs: { tasks: sha256('tasks'), cwe: sha256('cwe') },
    pins: { model: 'a', revision: 'b' },
  });

  /** The same value with the keys of every object in reverse. */
  const reversed = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(reversed);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, item]) => [key, reversed(item)]),
    );
  };

  it('does not look at the order of keys', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 5 }), (value) => {
        const preimage = {
          ...preimageOf({ temperature: 1, groups: [], nested: { depth: 1, retries: 1 }, concurrency: 1 }),
        };
        const one = { ...preimage, params: value as Json };
        const other = { ...(reversed(one as unknown as Json) as unknown as Preimage) };
        expect(fingerprintOf(other)).toBe(fingerprintOf(one));
      }),
    );
  });

  it('never changes with how the stage is run', () => {
    fc.assert(
      fc.property(params, fc.integer(), fc.integer(), (value, concurrency, retries) => {
        const other = { ...value, concurrency, nested: { ...value.nested, retries } };
        expect(fingerprintOf(preimageOf(other))).toBe(fingerprintOf(preimageOf(value)));
      }),
    );
  });

  it('changes exactly when something that bears meaning changes', () => {
    fc.assert(
      fc.property(params, params, (a, b) => {
        const meaning = (value: Params) => sha256Json([value.temperature, value.groups, value.nested.depth]);
        expect(fingerprintOf(preimageOf(a)) === fingerprintOf(preimageOf(b))).toBe(meaning(a) === meaning(b));
      }),
    );
    const base = preimageOf({ temperature: 1, groups: [], nested: { depth: 1, retries: 1 }, concurrency: 1 });
    const changed: readonly Preimage[] = [
      { ...base, stage: 'trace' },
      { ...base, version: 2 },
      { ...base, seed: 8 },
      { ...base, inputs: { ...base.inputs, tasks: sha256('other') } },
      { ...base, inputs: { tasks: sha256('cwe'), cwe: sha256('tasks') } },
      { ...base, pins: { ...base.pins, revision: 'c' } },
      { ...base, pins: {} },
    ];
    const all = [base, ...changed].map(fingerprintOf);
    expect(new Set(all).size).toBe(all.length);
  });
});

describe('values that no schema describes', () => {
  it('are taken as they are, with what is not there left out', () => {
    const schema = z.object({ any: z.unknown() });
    const any = { text: 'a', number: 0.5, yes: true, none: null, absent: undefined, list: [1, null, undefined, [{}]] };
    expect(meaningOf(schema, { any })).toEqual({
      any: { text: 'a', number: 0.5, yes: true, none: null, list: [1, null, null, [{}]] },
    });
    expect(meaningOf(schema, { any: Object.assign(Object.create(null), { a: 1 }) })).toEqual({ any: { a: 1 } });
  });

  it.each([
    ['a date', new Date(0)],
    ['a map', new Map()],
    ['no number', Number.NaN],
    ['a function', () => 1],
    ['a large number', 1n],
  ])('are refused when they hold what would not survive: %s', (_name, value) => {
    expect(() => meaningOf(z.object({ any: z.unknown() }), { any: [value] })).toThrow(
      'params.any[0] is not plain JSON and cannot be part of a fingerprint',
    );
  });
});

describe('values of another shape than their schema has', () => {
  it.each([
    ['a list for an object', z.object({ a: z.number() }), [1]],
    ['a text for an object', z.object({ a: z.number() }), 'a'],
    ['an object for a list', z.array(z.number()), { a: 1 }],
    ['nothing that a union takes', z.union([z.object({ a: z.number() }), z.array(z.string())]), { b: 1 }],
  ] as const)('are taken as they are where nothing is marked: %s', (_name, schema, value) => {
    expect(meaningOf(z.object({ it: schema }), { it: value })).toEqual({ it: value });
  });

  it.each([
    ['a list for an object', z.object({ a: operational(z.number()) }), [1]],
    ['an object for a list', z.array(operational(z.number())), { a: 1 }],
    ['nothing that a union takes', z.union([z.object({ a: operational(z.number()) })]), 5],
  ] as const)('are refused where a mark could be missed: %s', (_name, schema, value) => {
    expect(() => meaningOf(z.object({ it: schema }), { it: value })).toThrow('cannot be told apart');
  });
});

describe('a mark', () => {
  it('on every item of a list leaves its length', () => {
    expect(meaningOf(z.object({ list: z.array(operational(z.string())) }), { list: ['a', 'b'] })).toEqual({
      list: [null, null],
    });
  });

  it('on all of it, or on one side of an intersection, leaves nothing', () => {
    expect(meaningOf(operational(z.object({ a: z.number() })), { a: 1 })).toEqual({});
    const both = z.intersection(operational(z.object({ a: z.number() })), z.object({ b: z.number() }));
    expect(meaningOf(z.object({ it: both }), { it: { a: 1, b: 2 } })).toEqual({});
    expect(meaningOf(z.object({ it: z.number().optional() }), { it: undefined })).toEqual({});
  });

  it('is found in a schema that refers to itself, and its absence too', () => {
    interface Tree {
      readonly below?: readonly Tree[] | undefined;
    }
    const plainTree: z.ZodType<Tree> = z.lazy(() => z.object({ below: z.array(plainTree).optional() }));
    const hidden = z.object({ it: plainTree.transform((tree) => tree) });
    expect(meaningOf(hidden, { it: { below: [{}] } })).toEqual({ it: { below: [{}] } });
  });
});
