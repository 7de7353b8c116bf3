import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, sha256 } from '../../../src/base/hash.js';
import type { Json } from '../../../src/base/json.js';
import { fingerprintOf, type Preimage, preimageJson } from '../../../src/engine/flow/fingerprint.js';
import { diffPreimages, explainMiss } from '../../../src/engine/flow/why.js';
import type { StateDirectory } from '../../../src/engine/state-directory.js';
import { commit, FILES, facts } from '../fixtures/artifacts.js';
import { temporaryState } from '../fixtures/temporary-state.js';

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

describe('explainMiss', () => {
  const preimage = (params: Json, inputs: Preimage['inputs'] = {}): Preimage => ({
    ...{ stage: 'demo', version: 1, params, inputs, pins: {} },
  });

  /** Leaves an artifact of a preimage that was made in that year. */
  async function made(state: StateDirectory, of: Preimage, year: number) {
    const identity = { fingerprint: fingerprintOf(of), preimage: preimageJson(of) };
    await commit(state, FILES, { facts: { ...facts, ...identity, started_at: `${year}-01-01T00:00:00.000Z` } });
    return identity.fingerprint;
  }

  it('compares with the nearest artifact, wherever among the others it stands, and not with the newest', async () => {
    const wanted = preimage({ temperature: 0.7, top_p: 1, rows: 12 });
    const near = preimage({ temperature: 0.6, top_p: 1, rows: 12 });
    const far = [preimage({ temperature: 0.1, top_p: 0.9, rows: 12 }), preimage({ temperature: 0.2, rows: 99 })];
    for (const nearMade of [2001, 2003, 2005]) {
      await using home = await temporaryState();
      const nearest = await made(home.state, near, nearMade);
      for (const [index, other] of far.entries()) await made(home.state, other, 2002 + index * 2);
      expect(await explainMiss(home.state, wanted), `made in ${nearMade}`).toEqual({
        against: nearest,
        lines: ['params.temperature: 0.6 → 0.7'],
      });
    }
  });

  it('takes the newest of several that are as near', async () => {
    for (const years of [
      [2001, 2002],
      [2002, 2001],
    ] as const) {
      await using home = await temporaryState();
      const first = await made(home.state, preimage({ rows: 1 }), years[0]);
      const second = await made(home.state, preimage({ rows: 2 }), years[1]);
      const { against, lines } = await explainMiss(home.state, preimage({ rows: 3 }));
      expect(against).toBe(years[0] > years[1] ? first : second);
      expect(lines).toEqual([years[0] > years[1] ? 'params.rows: 1 → 3' : 'params.rows: 2 → 3']);
    }
  });

  it('does not hold against an artifact what is not known yet', async () => {
    await using home = await temporaryState();
    const tasks = sha256('tasks');
    const near = await made(home.state, preimage({ rows: 2 }, { tasks, samples: sha256('old') }), 2001);
    await made(home.state, preimage({ rows: 2, more: 1 }, { tasks }), 2002);
    expect(await explainMiss(home.state, preimage({ rows: 3 }, { tasks }), ['samples'])).toEqual({
      against: near,
      lines: ['params.rows: 2 → 3'],
    });
    expect(await explainMiss(home.state, { ...preimage({}), stage: 'other' })).toEqual({
      against: null,
      lines: ['it has never run here'],
    });
  });
});
