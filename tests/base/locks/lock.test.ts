import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { acquireLock, describeOwner, readLock, tryLock } from '../../../src/base/locks/lock.js';
import { watchFaults } from '../../support/fault-points.js';
import { deadPid, ELSEWHERE, fresh, namesBeside, never, otherProcess, plant, recordOf } from './planted-lock.js';

const quickly = { beatSeconds: 0.01, silenceSeconds: 1 };

describe('acquireLock', () => {
  it('is taken, held, given back, and leaves nothing behind', async () => {
    const path = fresh();
    const lock = await acquireLock(path, { signal: never() });
    expect((await readLock(path))?.owner.pid).toBe(process.pid);
    expect(lock.takenOver).toBe(false);
    expect(await namesBeside(path)).toEqual(['x.lock', `x.lock.${lock.nonce}.beat`]);
    await lock.assertHeld();
    await lock.release();
    expect(await namesBeside(path)).toEqual([]);
  });

  it.each([
    ['whose process is gone', async () => ({ pid: deadPid() })],
    ['whose pid belongs to another process now', async () => ({ started: '1' })],
  ])('replaces an owner %s', async (_name, owner) => {
    const path = fresh();
    await plant(path, 'dead', await owner());
    const lock = await acquireLock(path, {
      signal: never(),
      onWaiting: () => {
        throw new Error('nobody to wait for');
      },
    });
    expect((await readLock(path))?.nonce).toBe(lock.nonce);
    expect(lock.takenOver).toBe(false);
    await lock.release();
    expect(await namesBeside(path)).toEqual([]);
  });

  it('lets one at a time in, also when many find the same dead owner at once', async () => {
    const path = fresh();
    await plant(path, 'dead', { pid: deadPid() });
    let inside = 0;
    const turns = Array.from({ length: 12 }, async () => {
      const lock = await acquireLock(path, { signal: never() });
      inside += 1;
      expect(inside).toBe(1);
      await sleep(1);
      await lock.assertHeld();
      inside -= 1;
      await lock.release();
    });
    await Promise.all(turns);
    expect(await namesBeside(path)).toEqual([]);
  });

  it('notices that it was taken away', async () => {
    const path = fresh();
    const lock = await acquireLock(path, { signal: never() });
    await plant(path, 'thief', {});
    await expect(lock.assertHeld()).rejects.toMatchObject({ code: 'base/lock-lost' });
    await lock.release();
    expect((await readLock(path))?.nonce).toBe('thief');
  });

  it.each([
    ['is taken over', (path: string) => plant(path, 'thief', {})],
    ['is deleted', (path: string) => rm(path)],
    ['is written over', (path: string) => writeFile(path, 'garbage')],
  ])('tells its owner by itself when it %s, and gives no more signs of life', async (_name, take) => {
    const path = fresh();
    using watch = await watchFaults(() => 'none');
    const beats = () => watch.points.filter(({ call, path: place }) => call === 'write' && place.endsWith('.beat'));
    const lock = await acquireLock(path, { signal: never(), times: quickly });
    const before = once(lock.lost, 'abort').then(() => beats().length);
    await take(path);
    const count = await before;
    expect(lock.lost.reason).toMatchObject({ code: 'base/lock-lost', hint: expect.stringContaining('again') });
    await lock.release();
    expect(beats()).toHaveLength(count);
  });

  it('beats, so that those who wait elsewhere can see it', async () => {
    const path = fresh();
    const lock = await acquireLock(path, { signal: never(), times: quickly });
    using watch = await watchFaults(() => 'none');
    const beats = () => watch.points.filter(({ path: place }) => place === `${path}.${lock.nonce}.beat`).length;
    await expect.poll(beats, { timeout: 30_000 }).toBeGreaterThan(3);
    await lock.release();
    expect(await namesBeside(path)).toEqual([]);
  });

  it('says which file to delete when the lock is not one', async () => {
    const path = fresh();
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, 'garbage');
    await expect(acquireLock(path, { signal: never() })).rejects.toMatchObject({
      code: 'base/unreadable-lock',
      message: expect.stringContaining(path),
      hint: 'Delete it if no other run is active.',
      cause: expect.any(SyntaxError),
    });
    expect(await namesBeside(path)).toEqual(['x.lock']);
  });
});

describe('what lies beside a lock', () => {
  it('is swept up when its owners have died, also those who were replacing one another', async () => {
    const path = fresh();
    const pid = deadPid();
    await plant(path, 'dead', { pid });
    await plant(`${path}.dead`, 'dead-too', { pid });
    await plant(`${path}.dead.dead-too`, 'dead-three', { pid });
    await plant(`${path}.abc.candidate`, 'abc', { pid });
    await writeFile(`${path}.def.candidate`, '{"schema": 1, "no');
    await writeFile(`${path}.ghi.beat`, '17');
    const lock = await acquireLock(path, { signal: never() });
    await lock.assertHeld();
    expect(await namesBeside(path)).toEqual(['x.lock', `x.lock.${lock.nonce}.beat`]);
    await lock.release();
  });

  it('stays when somebody needs it, or it is not the lock’s', async () => {
    const path = fresh();
    const folder = dirname(path);
    await plant(`${path}.live.candidate`, 'live', await otherProcess());
    await plant(`${path}.far.candidate`, 'far', ELSEWHERE);
    await writeFile(`${folder}/x.lock2`, 'other');
    await writeFile(`${folder}/y.lock.abc.beat`, '17');
    await mkdir(`${path}.folder`);
    const lock = await acquireLock(path, { signal: never() });
    await lock.release();
    expect(await namesBeside(path)).toEqual([
      'x.lock.far.candidate',
      'x.lock.folder',
      'x.lock.live.candidate',
      'x.lock2',
      'y.lock.abc.beat',
    ]);
  });
});

describe('tryLock', () => {
  it('takes a lock that is free, and waits for none', async () => {
    const path = fresh();
    const lock = await tryLock(path, never());
    await lock?.assertHeld();
    expect(lock?.takenOver).toBe(false);
    expect(await tryLock(path, never())).toBeUndefined();
    await lock?.release();
    await (await tryLock(path, never()))?.release();
    expect(await namesBeside(path)).toEqual([]);
  });

  it('takes none any more when it is too late', async () => {
    const path = fresh();
    await expect(tryLock(path, AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late');
    await expect(readLock(path)).resolves.toBeUndefined();
  });
});

describe('describeOwner', () => {
  const who = 'process 17 on elsewhere since 2026-01-01 00:00 UTC';
  it.each([
    ['alive', who],
    [
      'unknown',
      `${who} (its process cannot be seen from here; taken over after 2 minutes without a sign of life, or at once with --steal-locks)`,
    ],
  ] as const)('names one that is %s', async (liveness, words) => {
    expect(describeOwner(await recordOf('far', { pid: 17, host: 'elsewhere' }), liveness)).toBe(words);
  });
});
