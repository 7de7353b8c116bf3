import { mkdir, readFile, rename, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HashMemo, settled, stampOf } from '../../../src/base/files/hash-memo.js';
import { sha256 } from '../../../src/base/hash.js';
import { watchFaults } from '../../support/fault-points.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const { signal } = new AbortController();

describe('HashMemo', () => {
  it('reads a file once, and again only when somebody has touched it, whatever its size and time say', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'weights');
    const memoPath = join(folder.path, 'deep', 'memo.json');
    await writeFile(path, 'aaaa');
    await settled(path, signal);
    const first = await HashMemo.open(memoPath);
    expect((await first.hash('weights', path, signal)).sha256).toBe(sha256('aaaa'));
    await first.save(memoPath);

    // Only this shows that it is the memory that answers: it is told something else.
    const text = await readFile(memoPath, 'utf8');
    await writeFile(memoPath, text.replace(sha256('aaaa'), sha256('from memory')));
    const second = await HashMemo.open(memoPath);
    expect((await second.hash('weights', path, signal)).sha256).toBe(sha256('from memory'));

    const { atime, mtime } = await import('node:fs/promises').then((fs) => fs.stat(path));
    await writeFile(path, 'bbbb');
    await utimes(path, atime, mtime);
    expect((await second.hash('weights', path, signal)).sha256).toBe(sha256('bbbb'));
  });

  it('does not remember what was written a moment ago: it could be written to again unseen', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'young');
    await writeFile(path, 'aaaa');
    const memo = HashMemo.fresh();
    await memo.hash('young', path, signal);
    const memoPath = join(folder.path, 'memo.json');
    await memo.save(memoPath);
    await expect(readFile(memoPath)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('knows a file by more than the disk it is on: the number of a device changes when it is mounted again', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'a');
    await writeFile(path, 'aaaa');
    const { identity } = await stampOf(path);
    const { dev, ino, size, mtimeNs, ctimeNs } = await import('node:fs/promises').then((fs) =>
      fs.stat(path, { bigint: true }),
    );
    expect(identity).toBe(`${ino}:${size}:${mtimeNs}:${ctimeNs}`);
    expect(identity.split(':')).not.toContain(String(dev));
    await mkdir(join(folder.path, 'b'));
    await rename(folder.path, `${folder.path}-moved`);
    expect((await stampOf(join(`${folder.path}-moved`, 'a'))).identity).toBe(identity);
    await rename(`${folder.path}-moved`, folder.path);
  });

  it('is a memory only: where it is torn or cannot be written, files are hashed again', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'a');
    const memoPath = join(folder.path, 'memo.json');
    await writeFile(path, 'aaaa');
    await writeFile(memoPath, '{"schema":2,"files":');
    await settled(path, signal);
    const memo = await HashMemo.open(memoPath);
    expect((await memo.hash('a', path, signal)).sha256).toBe(sha256('aaaa'));
    using _watch = await watchFaults(() => ({ code: 'EROFS' }));
    await memo.save(memoPath);
    expect(await readFile(memoPath, 'utf8')).toBe('{"schema":2,"files":');
  });

  it('stops in the middle of a large file', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'large');
    await writeFile(path, Buffer.alloc(64 * 1024 * 1024));
    const controller = new AbortController();
    const hashing = HashMemo.fresh().hash('large', path, controller.signal);
    setImmediate(() => controller.abort(new Error('enough')));
    await expect(hashing).rejects.toThrow('enough');
  });
});
