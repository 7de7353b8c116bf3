import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256Json } from '../../src/base/hash.js';
import type { Json } from '../../src/base/json.js';
import { wellFormed } from '../../src/base/well-formed.js';

describe('wellFormed', () => {
  it('mends every text, however deep, and keys too', () => {
    expect(wellFormed({ 'a\ud83d': ['\ude00', { b: 'x\ud83dy' }], c: '\ud83d\ude00' })).toEqual({
      'a\ufffd': ['\ufffd', { b: 'x\ufffdy' }],
      c: '\ud83d\ude00',
    });
  });

  it('mends a list of which only one text is broken', () => {
    expect(wellFormed(['ok', '\ud83d', 'ok'])).toEqual(['ok', '\ufffd', 'ok']);
    expect(wellFormed({ a: ['\ud83d', 'ok'] })).toEqual({ a: ['\ufffd', 'ok'] });
  });

  it('gives back as it is what needs no mending, and what is no JSON', () => {
    const value = { a: ['ä', 1, null, { b: true }] };
    expect(wellFormed(value)).toBe(value);
    const empty: unknown[] = [];
    expect(wellFormed(empty)).toBe(empty);
    expect(wellFormed(undefined)).toBeUndefined();
    const date = new Date();
    expect(wellFormed({ date, half: '\ud83d', not: undefined })).toStrictEqual({
      date,
      half: '\ufffd',
      not: undefined,
    });
  });

  it('refuses in a sentence what is nested deeper than the stack is, and mends what is not', () => {
    const nested = (levels: number, text: string): unknown =>
      JSON.parse(`${'['.repeat(levels)}${JSON.stringify(text)}${']'.repeat(levels)}`);
    for (const text of ['ok', '\ud83d']) {
      for (const list of [nested(100_000, text), ['\ud83d', nested(100_000, text)], { a: nested(1000, text) }])
        expect(() => wellFormed(list)).toThrow('is nested more than 1000 levels deep');
      expect(wellFormed(nested(1000, text))).toEqual(nested(1000, text.toWellFormed()));
    }
  });

  it('makes whatever JSON can hold fit for a hash', () => {
    const half = fc.constantFrom('\ud83d', '\ude00', 'ok', '\ud83d\ude00');
    const json = fc.letrec<{ json: Json }>((tie) => ({
      json: fc.oneof(half, fc.integer(), fc.array(tie('json'), { maxLength: 3 }), fc.dictionary(half, tie('json'))),
    })).json;
    fc.assert(
      fc.property(json, (value) => {
        expect(sha256Json(wellFormed(value))).toMatch(/^[0-9a-f]{64}$/);
      }),
    );
  });
});
