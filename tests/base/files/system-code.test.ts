import { describe, expect, it } from 'vitest';
import { atPath, blaming, systemCode } from '../../../src/base/files/system-code.js';

const withCode = (code: unknown): Error => Object.assign(new Error('x'), { code });

describe('systemCode', () => {
  it.each([['ENOENT'], ['E2BIG'], ['EIO']])('knows %s', (code) => expect(systemCode(withCode(code))).toBe(code));

  it.each([
    ["a code of Node's own", withCode('ERR_INVALID_ARG_TYPE')],
    ['an abort', withCode('ABORT_ERR')],
    ['a number', withCode(2)],
    ['a list', withCode(['EIO'])],
    ['an error without a code', new Error('ENOENT')],
    ['an exception of the web', new DOMException('x', 'AbortError')],
    ['what is no error', { code: 'ENOENT' }],
    ['nothing', undefined],
  ])('leaves alone %s', (_what, error) => expect(systemCode(error)).toBeUndefined());
});

describe('atPath', () => {
  it('puts a name on an error of the system that has none, and gives the same error back', () => {
    const error = withCode('EIO');
    expect(atPath(error, '/data/file')).toBe(error);
    expect(error).toMatchObject({ path: '/data/file' });
    expect(atPath(error, '/other')).toMatchObject({ path: '/data/file' });
  });

  it('puts none on anything else', () => {
    const bug = new TypeError('bug');
    expect(atPath(bug, '/data/file')).toBe(bug);
    expect(bug).not.toHaveProperty('path');
    for (const thrown of ['text', undefined, null]) expect(atPath(thrown, '/data/file')).toBe(thrown);
  });
});

describe('blaming', () => {
  it('gives what the work gives, and names the file of its error', async () => {
    expect(await blaming('/data/file', Promise.resolve(1))).toBe(1);
    await expect(blaming('/data/file', Promise.reject(withCode('EIO')))).rejects.toMatchObject({ path: '/data/file' });
  });
});
