import { promises, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { acquireLock, readLock, tryLock } from '../../../src/base/locks/lock.js';
import { watchFaults } from '../../support/fault-points.js';
import { deadPid, fresh, namesBeside, never, otherProcess, plant, recordOf } from './planted-lock.js';

/** The next hard link is made, but what comes back is this error. */
function loseAnswer(code: string): Disposable {
  const { link } = promises;
  const restore = (): void => {
    promises.link = link;
    syncBuiltinESMExports();
  };
  promises.link = async (from, to) => {
    restore();
    await link(from, to);
    throw Object.assign(new Error(`${code}: injected`), { code });
  };
  syncBuiltinESMExports();
  return { [Symbol.dispose]: restore };
}

/** Does something at the moment of the nth hard link, before it is made. */
function atLink(number: number, act: () => void) {
  let links = 0;
  return watchFaults(({ call }) => {
    if (call === 'link') links += 1;
    if (call === 'link' && links === number) act();
    return 'none';
  });
}

describe('a lock on a file system that fails', () => {
  it.each(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'])('says that it needs hard links (%s)', async (code) => {
    const path = fresh();
    using _watch = await watchFaults(({ call }) => (call === 'link' ? { code } : 'none'));
    await expect(acquireLock(path, { signal: never() })).rejects.toMatchObject({
      code: 'base/no-hard-links',
      message: `the file system of ${dirname(path)} has no hard links`,
      hint: 'Set SECPI_HOME to a folder on another file system.',
      cause: { code },
    });
    expect(await namesBeside(path)).toEqual([]);
  });

  it('gives other errors as they are', async () => {
    const path = fresh();
    using _watch = await watchFaults(({ call }) => (call === 'link' ? { code: 'EIO' } : 'none'));
    await expect(acquireLock(path, { signal: never() })).rejects.toMatchObject({ code: 'EIO' });
    expect(await namesBeside(path)).toEqual([]);
  });

  it('is ours when the link was made, although the answer says that there was one', async () => {
    const path = fresh();
    using _answer = loseAnswer('EEXIST');
    const lock = await acquireLock(path, { signal: AbortSignal.timeout(30_000) });
    expect((await readLock(path))?.nonce).toBe(lock.nonce);
    expect(lock.takenOver).toBe(false);
    await lock.release();
  });

  it('is left to others when the link was made, but the answer is an error', async () => {
    const path = fresh();
    using _answer = loseAnswer('EIO');
    await expect(acquireLock(path, { signal: never() })).rejects.toMatchObject({ code: 'EIO' });
    expect(await namesBeside(path)).toEqual([]);
  });

  it('is held by nobody when it was not to be removed after that', async () => {
    const path = fresh();
    {
      using _answer = loseAnswer('EIO');
      using _watch = await watchFaults(({ call, path: place }) =>
        call === 'remove' && place === path ? { code: 'EIO' } : 'none',
      );
      await expect(acquireLock(path, { signal: never() })).rejects.toMatchObject({ code: 'EIO' });
    }
    const lock = await tryLock(path, never());
    expect(lock?.nonce).toBe((await readLock(path))?.nonce);
    await lock?.release();
  });

  it('does not take a server that is away for a thief', async () => {
    const path = fresh();
    const lock = await acquireLock(path, { signal: never(), times: { beatSeconds: 0.01, silenceSeconds: 1 } });
    let failures = 0;
    {
      using _watch = await watchFaults(
        (point) => {
          if (point.path !== path || point.call !== 'read') return 'none';
          failures += 1;
          return { code: 'ESTALE' };
        },
        { looks: true },
      );
      await expect.poll(() => failures, { timeout: 30_000 }).toBeGreaterThan(3);
      await expect(lock.assertHeld()).rejects.toMatchObject({ code: 'ESTALE' });
    }
    expect(lock.lost.aborted).toBe(false);
    await lock.assertHeld();
    await lock.release();
  });

  it('is not waited for when it is our own and could not be removed', async () => {
    const path = fresh();
    const lock = await acquireLock(path, { signal: never() });
    {
      using _watch = await watchFaults(({ call, path: place }) =>
        call === 'remove' && place === path ? { code: 'EIO' } : 'none',
      );
      await lock.release();
    }
    expect((await readLock(path))?.nonce).toBe(lock.nonce);
    const again = await tryLock(path, never());
    expect(again?.takenOver).toBe(false);
    await again?.release();
    expect(await namesBeside(path)).toEqual([]);
  });

  it('is not held when its first sign of life cannot be given', async () => {
    const path = fresh();
    {
      using _watch = await watchFaults(({ path: place }) => (place.endsWith('.beat') ? { code: 'ENOSPC' } : 'none'));
      await expect(acquireLock(path, { signal: never() })).rejects.toMatchObject({ code: 'ENOSPC' });
    }
    expect(await namesBeside(path)).toEqual([]);
  });
});

describe('a lock at which others are at work', () => {
  it('is taken when its owner was done between two looks', async () => {
    const path = fresh();
    let links = 0;
    using _watch = await watchFaults(({ call }) => {
      if (call === 'link') links += 1;
      return call === 'link' && links === 1 ? { code: 'EEXIST' } : 'none';
    });
    const lock = await tryLock(path, never());
    await lock?.assertHeld();
    expect(links).toBe(2);
    await lock?.release();
  });

  it('is taken when somebody took its unfinished record for litter', async () => {
    const path = fresh();
    await mkdir(dirname(path), { recursive: true });
    using _watch = await atLink(1, () => {
      for (const name of readdirSync(dirname(path))) rmSync(join(dirname(path), name));
    });
    const lock = await acquireLock(path, { signal: never() });
    await lock.assertHeld();
    await lock.release();
    expect(await namesBeside(path)).toEqual([]);
  });

  it('is left to whoever has replaced the dead owner in the meantime', async () => {
    const path = fresh();
    await plant(path, 'dead', { pid: deadPid() });
    const quicker = JSON.stringify(await recordOf('quicker', await otherProcess()));
    using _watch = await atLink(2, () => writeFileSync(path, quicker));
    expect(await tryLock(path, never())).toBeUndefined();
    expect((await readLock(path))?.nonce).toBe('quicker');
    expect(await namesBeside(path)).toEqual(['x.lock']);
  });

  it('is taken when whoever has replaced the dead owner is done as well', async () => {
    const path = fresh();
    await plant(path, 'dead', { pid: deadPid() });
    using _watch = await atLink(2, () => rmSync(path));
    const lock = await tryLock(path, never());
    await lock?.assertHeld();
    await lock?.release();
    expect(await namesBeside(path)).toEqual([]);
  });

  it('waits for whoever is replacing the dead owner', async () => {
    const path = fresh();
    await plant(path, 'dead', { pid: deadPid() });
    await plant(`${path}.dead`, 'quicker', await otherProcess());
    expect(await tryLock(path, never())).toBeUndefined();
    expect(await namesBeside(path)).toEqual(['x.lock', 'x.lock.dead']);
  });

  it('is ours although the right to replace the dead owner was cleared away', async () => {
    const path = fresh();
    await plant(path, 'dead', { pid: deadPid() });
    using _watch = await watchFaults(({ call }) => {
      if (call === 'rename') rmSync(`${path}.dead`);
      return 'none';
    });
    const lock = await tryLock(path, never());
    await lock?.assertHeld();
    expect(lock?.nonce).toBe((await readLock(path))?.nonce);
    await lock?.release();
  });
});
