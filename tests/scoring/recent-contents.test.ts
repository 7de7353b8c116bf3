import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecentContents } from '../../src/scoring/recent-contents.js';
import { KEPT_FROM_BYTES, keptName } from '../../src/scoring/wire.js';

const content = (number: number, bytes = KEPT_FROM_BYTES) => Buffer.alloc(bytes, `content ${number} `);
const nameOf = (number: number) => keptName(content(number)) as NonNullable<ReturnType<typeof keptName>>;

describe('recent contents', () => {
  it('are those that were used last, as many as there is room for', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(9), { maxLength: 40 }), fc.integer({ min: 1, max: 6 }), (used, room) => {
        const kept = new RecentContents(room * KEPT_FROM_BYTES);
        for (const number of used) kept.keep(content(number));
        const newest = [...new Set(used.toReversed())].slice(0, room);
        const found = [...new Set(used)].filter((number) => kept.get(nameOf(number)) !== undefined);
        expect(new Set(found)).toEqual(new Set(newest));
      }),
    );
  });

  it('have no room for one that is larger than all of it', () => {
    const kept = new RecentContents(KEPT_FROM_BYTES);
    kept.keep(content(1, KEPT_FROM_BYTES + 1));
    kept.keep(content(2));
    expect([kept.get(nameOf(1)), kept.get(nameOf(2))]).toEqual([undefined, content(2)]);
  });
});
