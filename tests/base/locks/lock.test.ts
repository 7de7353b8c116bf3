import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { acquireLock, describeOwner, type LockRecord, readLock, tryLock } from '../../../src/base/locks/lock.js';
import { type ProcessOwner, thisProcess } from '../../../src/base/processes/process-owner.js';
import { Interruption } from '../../../src/engine/runs/interruption.js';

let folder: string;
let counter = 0;
const fresh = (): string => {
  counter += 1;
  return join(folder, String(counter), 'x.lock');
};
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'secpi-lock-'));
});
afterAll(() => rm(folder, { recursive: true }));

const never = (): AbortSignal => new AbortController().signal;

async function plant(path: string, nonce: string, owner: Partial<ProcessOwner>): Promise<void> {
  const record: LockRecord = {
    schema: 1,
    nonce,
    since: '2026-01-01T00:00:00.000Z',
    owner: { ...(await thisProcess()), ...owner },
  };
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, JSON.stringify(record));
}

const deadPid = (): number => spawnSync(process.execPath, ['-e', '']).pid;

describe('acquireLock', () => {
  it('is taken, held, given back, and leaves nothing behind', async () => {
    const path = fresh();
    const lock = await acquireLock(path, { signal: never() });
    expect((await readLock(path))?.owner.pid).toBe(process.pid);
    expect(await tryLock(path, never())).toBeUndefined();
    await lock.assertHeld();
    await lock.release();
    expect(await readdir(join(path, '..'))).toEqual([]);
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
    await lock.release();
    expect(await readdir(join(path, '..'))).toEqual([]);
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
    expect(await readdir(join(path, '..'))).toEqual([]);
  });

  it('recovers when the one who was replacing a dead owner has died as well, and sweeps up', async () => {
    const path = fresh();
    const pid = deadPid();
    await plant(path, 'dead', { pid });
    await plant(`${path}.dead`, 'dead-too', { pid });
    await plant(`${path}.dead.dead-too`, 'dead-three', { pid });
    await plant(`${path}.abc.candidate`, 'abc', { pid });
    const lock = await acquireLock(path, { signal: never() });
    await lock.assertHeld();
    await lock.release();
    expect(await readdir(join(path, '..'))).toEqual([]);
  });

  it('waits for a live owner, says so once, and goes on when it is done', async () => {
    const path = fresh();
    const first = await acquireLock(path, { signal: never() });
    const said: string[] = [];
    const second = acquireLock(path, {
      signal: never(),
      onWaiting: (record, liveness) => {
        said.push(describeOwner(path, record, liveness));
        void first.release();
      },
    });
    const lock = await second;
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(`process ${process.pid} on `);
    await lock.release();
  });

  it('never takes the lock of another host without being told to', async () => {
    const path = fresh();
    await plant(path, 'far', { host: 'elsewhere', boot: 'other', machine: 'other' });
    const controller = new AbortController();
    const said: string[] = [];
    const attempt = acquireLock(path, {
      signal: controller.signal,
      onWaiting: (record, liveness) => {
        said.push(describeOwner(path, record, liveness));
        controller.abort(new Interruption('SIGINT'));
      },
    });
    await expect(attempt).rejects.toMatchObject({ name: 'Interruption', signal: 'SIGINT' });
    expect(said[0]).toContain(`on elsewhere since 2026-01-01T00:00:00.000Z (cannot tell from here`);
    expect((await readLock(path))?.nonce).toBe('far');

    const lock = await acquireLock(path, { signal: never(), takeOver: true });
    expect((await readLock(path))?.nonce).toBe(lock.nonce);
    await lock.release();
  });

  it('notices that it was taken away', async () => {
    const path = fresh();
    const lock = await acquireLock(path, { signal: never() });
    await plant(path, 'thief', {});
    await expect(lock.assertHeld()).rejects.toMatchObject({ code: 'engine/lock-lost' });
    await lock.release();
    expect((await readLock(path))?.nonce).toBe('thief');
  });

  it('says which file to delete when the lock is not one', async () => {
    const path = fresh();
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, 'garbage');
    await expect(acquireLock(path, { signal: never() })).rejects.toMatchObject({
      code: 'engine/unreadable-lock',
      message: expect.stringContaining(path),
    });
  });
});
