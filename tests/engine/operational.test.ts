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
