import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startProcess } from '../../../src/base/processes/child-process.js';
import { collectFiles, fillFolder, openFolder } from '../../../src/sandbox/runs/work-folder.js';

let outer = '';
let path = '';
let folder = -1;
beforeEach(() => {
  outer = mkdtempSync(join(tmpdir(), 'secpi-test-'));
  path = join(outer, 'work');
  mkdirSync(path);
  writeFileSync(join(outer, 'secret'), 'secret');
  folder = openFolder(path);
});
afterEach(() => {
  closeSync(folder);
  rmSync(outer, { recursive: true, force: true });
});

const bytes = (text: string) => ({ bytes: new TextEncoder().encode(text) });

describe('fillFolder and collectFiles', () => {
  it('say of a file alone that something still holds on to it', async () => {
    writeFileSync(join(path, 'held'), 'x');
    writeFileSync(join(path, 'free'), 'y');
    const program =
      'import fcntl, sys; f = open("held", "r+"); fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_WRLCK); print("held", flush=True); sys.stdin.read()';
    const holder = await startProcess({
      argv: ['python3', '-c', program],
      cwd: path,
      env: { PATH: '/usr/bin:/bin' },
      stdin: 'hold',
      stdout: 'stream',
    });
    try {
      await new Promise((resolve) => holder.stdout?.once('data', resolve));
      expect(collectFiles(folder, ['held', 'free'], 10)).toEqual({ held: { missing: 'unreadable' }, free: bytes('y') });
    } finally {
      await holder.stop();
    }
  });

  it('are at fault themselves where files cannot be laid out', () => {
    const files = [
      { path: 'a', content: '' },
      { path: 'a/b', content: '' },
    ];
    expect(() => fillFolder(folder, files, null)).toThrow(expect.objectContaining({ code: 'sandbox/not-filled' }));
  });

  it('write files with their folders and modes, and read them back', () => {
    fillFolder(
      folder,
      [
        { path: 'a/b/c.txt', content: 'text' },
        { path: 'a/run', content: new Uint8Array([0, 255]), executable: true },
        { path: 'empty', content: '' },
      ],
      null,
    );
    expect(readFileSync(join(path, 'a/b/c.txt'), 'utf8')).toBe('text');
    expect(statSync(join(path, 'a/run')).mode & 0o777).toBe(0o755);
    expect(statSync(join(path, 'a/b/c.txt')).mode & 0o777).toBe(0o644);
    expect(collectFiles(folder, ['a/b/c.txt', 'a/run', 'empty'], 10)).toEqual({
      'a/b/c.txt': bytes('text'),
      'a/run': { bytes: new Uint8Array([0, 255]) },
      empty: bytes(''),
    });
  });

  it('give back any file content unchanged', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (content) => {
        fillFolder(folder, [{ path: 'any', content }], null);
        expect(collectFiles(folder, ['any'], 2000)).toEqual({ any: { bytes: content } });
      }),
      { numRuns: 30 },
    );
  });

  it.each(['../out', 'a/../../out', '/etc/out', 'a//b', '.', '', 'a/./b', 'a\0b'])('refuse the path %j', (bad) => {
    const refused = expect.objectContaining({ code: 'sandbox/bad-path' });
    expect(() => fillFolder(folder, [{ path: bad, content: '' }], null)).toThrow(refused);
    expect(() => collectFiles(folder, [bad], 10)).toThrow(refused);
    expect(existsSync(join(outer, 'out'))).toBe(false);
  });

  it('follow no link, block on no pipe and read nothing that is not a file of the allowed size', () => {
    symlinkSync(join(outer, 'secret'), join(path, 'link'));
    symlinkSync(outer, join(path, 'folder'));
    symlinkSync('..', join(path, 'up'));
    symlinkSync('self', join(path, 'self'));
    execFileSync('mkfifo', [join(path, 'pipe')]);
    mkdirSync(join(path, 'directory'));
    writeFileSync(join(path, 'file'), 'file');
    writeFileSync(join(path, 'exact'), '1234567890');
    truncateSync(join(path, 'file'), 11);
    const paths = [
      'link',
      'folder/secret',
      'up/secret',
      'self',
      'pipe',
      'directory',
      'none',
      'exact/below',
      'file',
      'exact',
    ];
    const collected = collectFiles(folder, paths, 10);
    const missing = Object.fromEntries(
      Object.entries(collected).map(([name, file]) => [name, 'missing' in file ? file.missing : 'read']),
    );
    expect(missing).toEqual({
      link: 'not-a-file',
      'folder/secret': 'absent',
      'up/secret': 'absent',
      self: 'not-a-file',
      pipe: 'not-a-file',
      directory: 'not-a-file',
      none: 'absent',
      'exact/below': 'absent',
      file: 'too-large',
      exact: 'read',
    });
  });

  it('cope with names from objects and with folders that were closed', () => {
    writeFileSync(join(path, '__proto__'), 'x');
    expect(Object.keys(collectFiles(folder, ['__proto__', 'constructor'], 10))).toEqual(['__proto__', 'constructor']);
    mkdirSync(join(path, 'closed'));
    chmodSync(join(path, 'closed'), 0);
    expect(collectFiles(folder, ['closed/file'], 10)['closed/file']).toHaveProperty('missing');
  });
});
