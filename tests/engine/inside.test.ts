import { describe, expect, it } from 'vitest';
import { resolveInside } from '../../src/engine/inside.js';

describe('resolveInside', () => {
  it.each([
    ['a', '/root/a'],
    ['deep/er/a.b', '/root/deep/er/a.b'],
    ['..a/b..', '/root/..a/b..'],
    ['a/b:c', '/root/a/b:c'],
    ['ab:c', '/root/ab:c'],
    ['1:a', '/root/1:a'],
  ])('takes %s for a name inside', (name, path) => {
    expect(resolveInside('/root', name)).toBe(path);
  });

  it.each(['', '/', '/a', 'a/', 'a//b', '.', './a', 'a/.', '..', '../a', 'a/../b', 'a\\b', 'a\0', 'C:/a', 'c:a'])(
    'refuses %j',
    (name) => {
      expect(() => resolveInside('/root', name)).toThrow(
        expect.objectContaining({
          code: 'engine/name-outside',
          hint: expect.stringContaining('relative name with forward slashes'),
        }),
      );
    },
  );
});
