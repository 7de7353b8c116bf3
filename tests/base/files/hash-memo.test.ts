import { appendFileSync } from 'node:fs';
import { mkdir, readFile, rename, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { HashMemo, settled, stampOf } from '../../../src/base/files/hash-memo.js';
import { exists } from '../../../src/base/files/if-there.js';
import { sha256 } from '../../../src/base/hash.js';
import { watchFaults } from '../../support/fault-points.js';
import { replaceSleep } from '../../support/sleep.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const { signal } = new AbortController();

afterEach(() => {
  vi.useRealTimers();
});

/** Lets the clock stand still so long after the last change of a file. */
async function lookAfter(milliseconds: number, path: string): Promise<void> {
  const { changedAtMs } = await stampOf(path);
  vi.useFakeTimers({ toFake: ['Date'], now: changedAtMs + milliseconds });
}

describe('settled', () => {
  it.each([
    ['just written', 0, [2001]],
    ['half a second old', 500, [1501]],
    ['almost old enough', 1999, [2]],
    ['old enough', 2000, []],
    ['much older', 60_000, []],
    ['of tomorrow by our clock', -86_400_000, [2001]],
  ])('waits for a file that is %s', async (_what, age, waits) => {
    await using folder = await temporaryFolder();
    const path = await folder.write('a', 'aaaa');
    await lookAfter(age, path);
    const asked: number[] = [];
    using _sleep = replaceSleep(() => async (milliseconds) => {
      asked.push(milliseconds);
    });
    await settled(path, signal);
    expect(asked).toEqual(waits);
  });

  it('stops with the reason of the signal', async () => {
    await using folder = await temporaryFolder();
    const path = await folder.write('a', 'aaaa');
    await lookAfter(0, path);
    const controller = new AbortController();
    using _sleep = replaceSleep((real) => (_milliseconds, asked) => {
      controller.abort(new Error('enough'));
      return real(0, asked);
    });
    await expect(settled(path, controller.signal)).rejects.toThrow('enough');
  });
});

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
    await lookAfter(2000, path);
    const memo = await HashMemo.open(memoPath);
    expect((await memo.hash('a', path, signal)).sha256).toBe(sha256('aaaa'));
    using _watch = await watchFaults(() => ({ code: 'EROFS' }));
    await memo.save(memoPath);
    expect(await readFile(memoPath, 'utf8')).toBe('{"schema":2,"files":');
  });

  it.each([
    [1999, false],
    [2000, true],
  ])('after %i ms: remembers a file or not', async (age, remembered) => {
    await using folder = await temporaryFolder();
    const path = await folder.write('a', 'aaaa');
    const memoPath = join(folder.path, 'memo.json');
    await lookAfter(age, path);
    const memo = HashMemo.fresh();
    await memo.hash('a', path, signal);
    await memo.save(memoPath);
    expect(await exists(memoPath)).toBe(remembered);
  });

  it('does not remember a file that somebody wrote to while it was read', async () => {
    await using folder = await temporaryFolder();
    const path = await folder.write('a', 'aaaa');
    const memoPath = join(folder.path, 'memo.json');
    await lookAfter(60_000, path);
    const memo = HashMemo.fresh();
    {
      let written = false;
      using _watch = await watchFaults(
        ({ call }) => {
          if (call === 'read' && !written) appendFileSync(path, 'bb');
          written ||= call === 'read';
          return 'none';
        },
        { looks: true },
      );
      await memo.hash('a', path, signal);
      expect(written).toBe(true);
    }
    await memo.save(memoPath);
    expect(await exists(memoPath)).toBe(false);
  });

  it('is written only when there is news', async () => {
    await using folder = await temporaryFolder();
    const path = await folder.write('a', 'aaaa');
    const memoPath = join(folder.path, 'memo.json');
    await lookAfter(2000, path);
    const memo = HashMemo.fresh();
    await memo.hash('a', path, signal);
    await memo.save(memoPath);
    using watch = await watchFaults(() => 'none');
    await memo.save(memoPath);
    const again = await HashMemo.open(memoPath);
    await again.hash('a', path, signal);
    await again.save(memoPath);
    expect(watch.points).toEqual([]);
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
