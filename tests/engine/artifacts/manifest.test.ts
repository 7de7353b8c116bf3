import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { sha256 } from '../../../src/base/hash.js';
import { type ArtifactFile, makeManifest, parseManifest } from '../../../src/engine/artifacts/manifest.js';
import { facts } from '../fixtures/artifacts.js';

const file = (path: string, content: string, more: Partial<ArtifactFile> = {}): ArtifactFile => ({
  ...{ path, sha256: sha256(content), bytes: content.length },
  ...more,
});

describe('makeManifest', () => {
  it('lists files by their names, whatever the order in which they were made', () => {
    const made = makeManifest(facts, [file('b/c', 'x'), file('a', 'y'), file('B', 'z')]);
    expect(made.outputs.map(({ path }) => path)).toEqual(['B', 'a', 'b/c']);
    expect(parseManifest(JSON.stringify(made), 'manifest.json')).toEqual(made);
  });

  it('refuses two outputs of one path, of which a reader could see only one', () => {
    const away = { at: { machine: 'gpu', path: '/scratch/w' } };
    const others = [file('a', '1'), file('b', '1'), file('m/x', '1')];
    const ways = [file('m/w', 'same'), file('m/w', 'other'), file('m/w', 'same', away)];
    for (const one of ways) {
      for (const twin of ways) {
        expect(() => makeManifest(facts, [one, ...others, twin])).toThrow('demo has two outputs called m/w');
      }
    }
    expect(() => makeManifest(facts, [file('m/w', 'same'), file('m/w2', 'same'), file('M/w', 'same')])).not.toThrow();
  });
});

describe('parseManifest', () => {
  it.each(['null', '5', '"schema"', '[]', '{}', '{"schema":"3"}', '{"schema":null}'])(
    'finds in %s neither a manifest nor one of a later version',
    (text) => {
      expect(() => parseManifest(text, 'm.json')).toThrow(z.ZodError);
    },
  );

  it('refuses one of a later version with the way out', () => {
    expect(() => parseManifest('{"schema":3}', 'm.json')).toThrow(
      expect.objectContaining({ code: 'engine/newer-state', hint: expect.stringContaining('SECPI_HOME') }),
    );
  });

  it('believes no fingerprint that does not follow from what it says was hashed, however well it is sealed', () => {
    const made = makeManifest({ ...facts, fingerprint: sha256('another') }, []);
    expect(() => parseManifest(JSON.stringify(made), 'm.json')).toThrow('does not follow from its preimage');
  });
});
