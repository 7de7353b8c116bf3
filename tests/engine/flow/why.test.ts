import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, sha256 } from '../../../src/base/hash.js';
import type { Json } from '../../../src/base/json.js';
import { diffPreimages } from '../../../src/engine/flow/why.js';

describe('diffPreimages', () => {
  it('names each field that differs, with both values', () => {
    const before = {
      version: 1,
      params: { sampling: { temperature: 0.6 }, groups: ['a', 'b'], list: [1], gone: true, text: `${'x'.repeat(80)}1` },
      inputs: { tasks: sha256('a') },
    };
    const after = {
      version: 2,
      params: {
        sampling: { temperature: 0.7 },
        groups: ['a', 'c'],
        list: [1, 2],
        text: `${'x'.repeat(80)}2`,
        top_p: 1,
      },
      inputs: { tasks: sha256('b') },
    };
    expect(diffPreimages(before, after)).toEqual([
      `inputs.tasks: other content (${sha256('a').slice(0, 12)} → ${sha256('b').slice(0, 12)})`,
      'params.gone: removed (was true)',
      'params.groups[1]: "b" → "c"',
      'params.list: [1] → [1,2]',
      'params.sampling.temperature: 0.6 → 0.7',
      `params.text: changed behind "${`"${'x'.repeat(58)}…`}"`,
      'params.top_p: added (1)',
      'version: 1 → 2',
    ]);
  });

  it('is empty exactly when nothing differs', () => {
    const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>;
    fc.assert(
      fc.property(fc.record({ a: json, b: json }), fc.record({ a: json, b: json }), (one, other) => {
        expect(diffPreimages(one, one)).toEqual([]);
        expect(diffPreimages(one, other).length === 0).toBe(canonicalJson(one) === canonicalJson(other));
      }),
    );
  });
});
