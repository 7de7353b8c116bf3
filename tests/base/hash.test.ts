import { appendFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, sha256, sha256File, sha256Json, sha256Schema } from '../../src/base/hash.js';
import type { Json } from '../../src/base/json.js';
import { watchFaults } from '../support/fault-points.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const { signal } = new AbortController();
const MIB = 1024 * 1024;
const OF_ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

describe('sha256', () => {
  it('is the one of FIPS 180, of a text as UTF-8', () => {
    expect(sha256('abc')).toBe(OF_ABC);
    expect(sha256(Buffer.from('ä😀'))).toBe(sha256('ä😀'));
  });

  it('is read back only as 64 lower-case digits', () => {
    expect(sha256Schema.parse(OF_ABC)).toBe(OF_ABC);
    for (const text of ['', OF_ABC.toUpperCase(), OF_ABC.slice(1), `${OF_ABC}0`, ` ${OF_ABC}`]) {
      expect(sha256Schema.safeParse(text).success).toBe(false);
    }
  });
});

describe('sha256File', () => {
  it('is the hash of the bytes, whatever they are', async () => {
    await using folder = await temporaryFolder();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), async (bytes) => {
        expect(await sha256File(await folder.write('file', bytes), signal)).toBe(sha256(bytes));
      }),
      { numRuns: 20 },
    );
  });

  it('reads in large pieces, so that the disk is waited for and not the event loop', async () => {
    await using folder = await temporaryFolder();
    const path = await folder.write('large', '');
    await truncate(path, 4 * MIB);
    await appendFile(path, 'end');
    using watch = await watchFaults(() => 'none', { looks: true });
    expect(await sha256File(path, signal)).toBe(sha256(Buffer.concat([Buffer.alloc(4 * MIB), Buffer.from('end')])));
    expect(watch.points.filter(({ call }) => call === 'read').length).toBeLessThan(16);
  });

  it('stops with the reason of the signal as soon as it is aborted', async () => {
    await using folder = await temporaryFolder();
    const path = await folder.write('large', '');
    await truncate(path, 64 * MIB);
    const controller = new AbortController();
    using watch = await watchFaults(
      ({ call }) => {
        if (call === 'read') controller.abort(new Error('enough'));
        return 'none';
      },
      { looks: true },
    );
    await expect(sha256File(path, controller.signal)).rejects.toThrow('enough');
    expect(watch.points.filter(({ call }) => call === 'read').length).toBeLessThan(16);
    await expect(sha256File(join(folder.path, 'missing'), controller.signal)).rejects.toThrow('enough');
  });

  it('fails as the file system does, and says with which file', async () => {
    await using folder = await temporaryFolder();
    const missing = join(folder.path, 'missing');
    await expect(sha256File(missing, signal)).rejects.toMatchObject({ code: 'ENOENT', path: missing });
    // Of an open file the system does not say which it is.
    await expect(sha256File(folder.path, signal)).rejects.toMatchObject({ code: 'EISDIR', path: folder.path });
  });
});

describe('canonicalJson', () => {
  it('gives equal values equal text, whatever the order of their keys', () => {
    expect(canonicalJson({ b: [1.0, 'ä', null], a: { d: true, c: 1e21 } })).toBe(
      '{"a":{"c":1e+21,"d":true},"b":[1,"ä",null]}',
    );
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.integer()), (value) => {
        const turned = Object.fromEntries(Object.entries(value).reverse());
        expect(canonicalJson(turned)).toBe(canonicalJson(value));
        expect(sha256Json(turned)).toBe(sha256(canonicalJson(value)));
      }),
    );
  });

  it('refuses what is no JSON instead of hashing nothing', () => {
    expect(() => canonicalJson(undefined as unknown as Json)).toThrow('cannot be written as canonical JSON');
    expect(() => sha256Json(undefined as unknown as Json)).toThrow(TypeError);
  });
});
