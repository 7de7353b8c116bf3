import { lstat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { atPath, exists, ifThere, readIfThere, systemCode } from '../../../src/base/files/if-there.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

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

describe('what may be missing', () => {
  it('is undefined where nothing is there', async () => {
    await using folder = await temporaryFolder();
    const missing = join(folder.path, 'missing');
    expect(await ifThere(lstat(missing))).toBeUndefined();
    expect(await readIfThere(missing)).toBeUndefined();
    expect(await exists(missing)).toBe(false);
  });

  it('is found where it is there, and a link without a target is a name all the same', async () => {
    await using folder = await temporaryFolder();
    const file = await folder.write('file', 'ä');
    const link = join(folder.path, 'link');
    await symlink(join(folder.path, 'missing'), link);
    expect((await ifThere(lstat(file)))?.size).toBe(2);
    expect(await readIfThere(file)).toBe('ä');
    for (const path of [folder.path, file, link]) expect(await exists(path)).toBe(true);
    expect(await readIfThere(link)).toBeUndefined();
  });

  it('is no absence where one could not look', async () => {
    await using folder = await temporaryFolder();
    const below = join(await folder.write('file', ''), 'below');
    await expect(exists(below)).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(readIfThere(below)).rejects.toMatchObject({ code: 'ENOTDIR', path: below });
    // Of an open file the system does not say which it is.
    await expect(readIfThere(folder.path)).rejects.toMatchObject({ code: 'EISDIR', path: folder.path });
  });
});
