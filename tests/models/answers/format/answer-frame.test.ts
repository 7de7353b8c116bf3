import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../../src/base/hash.js';
import {
  type FrameLine,
  findFrame,
  frameGroups,
  listedLines,
  packFrame,
  readFrameHead,
  unpackFrame,
} from '../../../../src/models/answers/format/answer-frame.js';

const line: fc.Arbitrary<FrameLine> = fc.record({
  key: fc.record({ request: fc.string().map((text) => sha256(text)), attempt: fc.nat(999_999) }),
  text: fc.string({ unit: 'grapheme', maxLength: 60 }).map((text) => JSON.stringify({ text })),
});
const lines = fc.array(line, { minLength: 1, maxLength: 20 });

describe('a frame', () => {
  it('lists its lines, whose they are and where they stand', async () => {
    await fc.assert(
      fc.asyncProperty(lines, async (all) => {
        const { bytes } = await packFrame(all);
        const head = readFrameHead(bytes, 0);
        if (head === undefined || 'needs' in head) throw new Error('no frame');
        expect(head.length).toBe(bytes.length);
        const content = await unpackFrame(bytes, head.unpacked);
        const found = [...listedLines(head.entries)].map(({ key, offset, length }) => ({
          key,
          text: content?.toString('utf8', offset, offset + length - 1),
        }));
        expect(found).toEqual(all);
      }),
      { numRuns: 50 },
    );
  });

  it('is a member of a gzip file that every other program unpacks', async () => {
    const all = [1, 2, 3].map((n): FrameLine => ({ key: { request: sha256(`${n}`), attempt: 0 }, text: `{"n":${n}}` }));
    const frames = await Promise.all(all.map((one) => packFrame([one])));
    expect(gunzipSync(Buffer.concat(frames.map(({ bytes }) => bytes))).toString()).toBe('{"n":1}\n{"n":2}\n{"n":3}\n');
  });

  it('says how much has to be read, whatever part of it is there', async () => {
    const { bytes } = await packFrame([{ key: { request: sha256('a'), attempt: 3 }, text: '{}' }]);
    for (let there = 0; there < bytes.length; there += 1) {
      const head = readFrameHead(bytes.subarray(0, there), 0);
      if (head !== undefined && 'needs' in head) expect(head.needs).toBeGreaterThan(there);
      else expect(head).toMatchObject({ length: bytes.length, unpacked: 3 });
    }
  });

  it('is not taken for another when any bit of it has changed', async () => {
    const line = { key: { request: sha256('a'), attempt: 3 }, text: '{"some":"text"}' };
    const { bytes, unpacked } = await packFrame([line]);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const head = readFrameHead(changed, 0);
      const content = head !== undefined && 'entries' in head ? await unpackFrame(changed, unpacked) : undefined;
      // A few bits behind the end of the compressed text mean nothing.
      expect([undefined, `${line.text}\n`], `bit ${bit}`).toContain(content?.toString());
    }
  });

  it('never unpacks to more than its list says', async () => {
    const { bytes } = await packFrame([
      { key: { request: sha256('a'), attempt: 0 }, text: `"${'x'.repeat(100_000)}"` },
    ]);
    expect(await unpackFrame(bytes, 50)).toBeUndefined();
  });

  it('is found between other bytes', async () => {
    const { bytes } = await packFrame([{ key: { request: sha256('a'), attempt: 0 }, text: '{}' }]);
    expect(findFrame(Buffer.concat([Buffer.from('rubbish'), bytes]), 0)).toBe(7);
    expect(findFrame(Buffer.from('rubbish'), 0)).toBe(-1);
  });
});

it('groups lines in their order, so that frames are neither large nor fuller than their list', () => {
  const of = (length: number, count: number): FrameLine[] =>
    Array.from({ length: count }, () => ({ key: { request: sha256('a'), attempt: 0 }, text: 'x'.repeat(length) }));
  expect(frameGroups([]).length).toBe(0);
  expect(frameGroups(of(10, 5000)).map((group) => group.length)).toEqual([1637, 1637, 1637, 89]);
  expect(frameGroups(of(60_000, 5)).map((group) => group.length)).toEqual([2, 2, 1]);
  expect(frameGroups(of(1_000_000, 2)).map((group) => group.length)).toEqual([1, 1]);
});
