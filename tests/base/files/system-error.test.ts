import { mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SecpiError } from '../../../src/base/errors.js';
import { atPath } from '../../../src/base/files/system-code.js';
import { expectedError, explainSystemError, sentenceOf } from '../../../src/base/files/system-error.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const thrownBy = (work: () => Promise<unknown>): Promise<unknown> =>
  work().then(
    () => new Error('nothing was thrown'),
    (error: unknown) => error,
  );

describe('explainSystemError', () => {
  it('turns what the system really throws into a sentence with the file, a code and a hint', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'file');
    await writeFile(file, '');
    await mkdir(join(folder.path, 'sub'));
    const cases: [() => Promise<unknown>, string, string][] = [
      [() => readFile(join(folder.path, 'gone')), 'files/missing', 'cannot open '],
      [() => readdir(file), 'files/not-a-folder', 'cannot list '],
      [() => mkdir(join(file, 'below')), 'files/not-a-folder', 'cannot make '],
      [() => writeFile(join(folder.path, 'sub'), ''), 'files/not-a-file', 'cannot open '],
      [() => open(join(folder.path, 'x'.repeat(300)), 'w'), 'files/name-too-long', 'cannot open '],
    ];
    for (const [work, code, message] of cases) {
      const explained = explainSystemError(await thrownBy(work));
      expect.soft(explained).toBeInstanceOf(SecpiError);
      expect.soft(explained).toMatchObject({ code, message: expect.stringContaining(message) });
      expect.soft(explained?.message).toMatch(/\/[^:]+: /);
      expect.soft(explained?.hint).toMatch(/\.$/);
    }
  });

  it.each([
    ['ENOSPC', 'files/no-space'],
    ['EDQUOT', 'files/no-space'],
    ['EACCES', 'files/no-permission'],
    ['EPERM', 'files/no-permission'],
    ['EROFS', 'files/read-only'],
    ['EMFILE', 'files/too-many-open'],
    ['ENFILE', 'files/too-many-open'],
    ['EIO', 'files/device-error'],
    ['ESTALE', 'files/stale-handle'],
    ['EFBIG', 'files/too-large'],
    ['ELOOP', 'files/link-loop'],
    ['EBUSY', 'files/busy'],
  ])('knows %s', (code, expected) => {
    const error = Object.assign(new Error(code), { code, syscall: 'write' });
    expect(explainSystemError(atPath(error, '/data/file'))).toMatchObject({
      code: expected,
      message: expect.stringContaining('cannot write /data/file: '),
    });
    expect(explainSystemError(error)?.cause).toBe(error);
  });

  it('leaves alone what is not about files: networks, processes, bugs', async () => {
    const refused = await new Promise<unknown>((resolve) => connect(9, '127.0.0.1').once('error', resolve));
    const spawned = Object.assign(new Error('spawn x ENOENT'), { code: 'ENOENT', syscall: 'spawn x', path: 'x' });
    for (const error of [refused, spawned, new TypeError('bug'), 'text', undefined]) {
      expect(expectedError(error)).toBeUndefined();
    }
    const ours = new SecpiError('demo/ours', 'ours');
    expect(expectedError(ours)).toBe(ours);
  });

  it('passes on what a file system says that nobody has heard of, if it is about a file', () => {
    const error = Object.assign(new Error('x'), { code: 'EKEYEXPIRED', syscall: 'read' });
    expect(explainSystemError(error)).toBeUndefined();
    expect(explainSystemError(atPath(error, '/data/file'))).toMatchObject({
      code: 'files/refused',
      message: 'cannot read /data/file: the file system answers EKEYEXPIRED',
      hint: expect.stringContaining('dmesg'),
    });
  });

  it('does without the name where nobody knows it, and says nothing of an unknown call', () => {
    const error = Object.assign(new Error('x'), { code: 'EIO', syscall: 'fsync' });
    expect(explainSystemError(error)?.message).toMatch(/^cannot write a file: /);
    expect(explainSystemError(Object.assign(new Error('x'), { code: 'EIO' }))).toBeUndefined();
    expect(explainSystemError(Object.assign(new Error('x'), { code: 'EIO', syscall: 'kill' }))).toBeUndefined();
  });

  it('does not put another name on an error that has one', () => {
    const error = Object.assign(new Error('ENOENT'), { code: 'ENOENT', syscall: 'open', path: '/first' });
    expect(explainSystemError(atPath(error, '/second'))?.message).toContain('/first');
  });
});

describe('sentenceOf', () => {
  it.each([
    ['ours', new SecpiError('demo/ours', 'Ours.'), 'Ours.'],
    [
      'of the system',
      Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO', syscall: 'read', path: '/data/file' }),
      'cannot read /data/file: the disk or network file system reports an error',
    ],
    ['of a bug', new TypeError('no function'), 'no function'],
    ['of what is no error', 'text', 'text'],
  ])('is %s', (_what, error, sentence) => expect(sentenceOf(error)).toBe(sentence));
});
