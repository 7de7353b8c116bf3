import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dotted, PathSet } from '../../src/recipe/path.js';

describe('dotted', () => {
  it('joins keys and numbers as they are written', () => {
    expect(dotted(['collect', 'sources', 0, 'file'])).toBe('collect.sources[0].file');
    expect(dotted(['gates', 'a.b', '', '0'])).toBe('gates."a.b"."".0');
    expect(dotted([])).toBe('');
  });

  it('cuts a key that is too long to be read', () => {
    expect(dotted(['a', 'b'.repeat(81)])).toBe(`a.${'b'.repeat(80)}…`);
  });
});

describe('PathSet', () => {
  it('has what was added, and neither what is above it nor what is below', () => {
    const paths = new PathSet();
    expect(paths.has([])).toBe(false);
    paths.add(['a', 'b']);
    paths.add(['a', 0]);
    expect(paths.has(['a', 'b'])).toBe(true);
    expect(paths.has(['a', 0])).toBe(true);
    for (const other of [[], ['a'], ['b'], ['a', '0'], ['a', 'b', 'c']]) expect(paths.has(other)).toBe(false);
    paths.add([]);
    expect(paths.has([])).toBe(true);
  });

  it('is a set of paths, whatever they are', () => {
    const path = fc.array(fc.constantFrom('a', 'b', '0', 0, ''), { maxLength: 4 });
    fc.assert(
      fc.property(fc.array(path), fc.array(path), (added, others) => {
        const paths = new PathSet();
        for (const one of added) paths.add(one);
        const texts = new Set(added.map((one) => JSON.stringify(one)));
        for (const one of [...added, ...others]) expect(paths.has(one)).toBe(texts.has(JSON.stringify(one)));
      }),
    );
  });
});
