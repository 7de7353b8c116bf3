import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SilenceWatch } from '../../../src/base/locks/heartbeat.js';
import { acquireLock, describeOwner, type LockRecord, readLock, tryLock } from '../../../src/base/locks/lock.js';
import { type ProcessOwner, thisProcess } from '../../../src/base/processes/process-owner.js';
import { Interruption } from '../../../src/engine/runs/interruption.js';
import { watchFaults } from '../../support/fault-points.js';

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

/** A process of this machine that goes on for the whole test: its own child. */
async function otherProcess(): Promise<Partial<ProcessOwner>> {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  await once(child, 'spawn');
  children.push(child);
  const stat = await readFile(`/proc/${child.pid}/stat`, 'utf8');
  return { pid: child.pid ?? 0, started: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '' };
}
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

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

  it('sweeps up what was torn, and goes on when it was itself taken for that', async () => {
    const path = fresh();
    const first = await acquireLock(path, { signal: never() });
    await writeFile(`${path}.torn.candidate`, '{"schema": 1, "no');
    const waiting: string[] = [];
    const second = acquireLock(path, { signal: never(), onWaiting: ({ nonce }) => waiting.push(nonce) });
    await expect.poll(() => waiting).toEqual([first.nonce]);
    for (const name of await readdir(dirname(path)))
      if (name.endsWith('.candidate')) await rm(join(dirname(path), name), { force: true });
    await first.release();
    const lock = await second;
    await lock.assertHeld();
    await lock.release();
    expect(await readdir(dirname(path))).toEqual([]);
  });

  it('waits for a live owner, says so once, and goes on when it is done', async () => {
    const path = fresh();
    const first = await acquireLock(path, { signal: never() });
    const said: string[] = [];
    const second = acquireLock(path, {
      signal: never(),
      onWaiting: (record, liveness) => {
        said.push(describeOwner(record, liveness));
        void first.release();
      },
    });
    const lock = await second;
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(`process ${process.pid} on `);
    await lock.release();
  });

  it('waits for an owner on another host that may be alive, and names the way out', async () => {
    const path = fresh();
    await plant(path, 'far', { host: 'elsewhere', boot: 'other', machine: 'other' });
    const controller = new AbortController();
    const said: string[] = [];
    const attempt = acquireLock(path, {
      signal: controller.signal,
      onWaiting: (record, liveness) => {
        said.push(describeOwner(record, liveness));
        controller.abort(new Interruption('SIGINT'));
      },
    });
    await expect(attempt).rejects.toMatchObject({ name: 'Interruption', signal: 'SIGINT' });
    expect(said[0]).toContain('on elsewhere since 2026-01-01T00:00:00.000Z (its process cannot be seen from here;');
    expect(said[0]).toContain('taken over after 2 minutes without a sign of life, or at once with --steal-locks)');
    expect((await readLock(path))?.nonce).toBe('far');

    const lock = await acquireLock(path, { signal: never(), takeOver: true });
    expect((await readLock(path))?.nonce).toBe(lock.nonce);
    expect(lock.takenOver).toBe(true);
    await lock.release();
  });

  it.each([
    ['another host', { host: 'elsewhere', boot: 'other', machine: 'other' }],
    ['another container on this host', { pid_namespace: 'pid:[1]' }],
  ])('takes over from an owner on %s that has given no sign of life', async (_name, owner) => {
    const path = fresh();
    await plant(path, 'far', owner);
    await writeFile(`${path}.far.beat`, '000000000007');
    const lock = await acquireLock(path, { signal: never(), times: { beatSeconds: 0.02, silenceSeconds: 0.2 } });
    expect(lock.takenOver).toBe(true);
    expect((await readdir(join(path, '..'))).sort()).toEqual(['x.lock', `x.lock.${lock.nonce}.beat`]);
    await lock.release();
    expect(await readdir(join(path, '..'))).toEqual([]);
  });

  it('waits as long as an owner that cannot be seen shows that it lives, by its own clock alone', async () => {
    const path = fresh();
    await plant(path, 'far', { host: 'elsewhere', boot: 'other', machine: 'other' });
    const beat = `${path}.far.beat`;
    await writeFile(beat, '0');
    // The other host's clock is years off: what its files say about time must not matter.
    const beats = (async () => {
      for (let count = 1; count <= 30; count += 1) {
        await writeFile(beat, String(count));
        await utimes(beat, 1, 1);
        await sleep(20);
      }
    })();
    const lock = acquireLock(path, { signal: never(), times: { beatSeconds: 0.02, silenceSeconds: 0.3 } });
    let taken = false;
    void lock.then(() => {
      taken = true;
    });
    await beats;
    expect(taken).toBe(false);
    await (await lock).release();
  });

  it('never takes over from a live process of this machine, however silent', async () => {
    const path = fresh();
    await plant(path, 'silent', await otherProcess());
    const controller = new AbortController();
    const attempt = acquireLock(path, {
      signal: controller.signal,
      takeOver: true,
      times: { beatSeconds: 0.01, silenceSeconds: 0.02 },
    });
    setTimeout(() => controller.abort(new Error('enough')), 300);
    await expect(attempt).rejects.toThrow('enough');
    expect((await readLock(path))?.nonce).toBe('silent');
  });

  it('takes no offence at a waiter that was held up: an owner counts as silent only between two looks', async () => {
    const path = fresh();
    await plant(path, 'far', { host: 'elsewhere', boot: 'other', machine: 'other' });
    const watch = new SilenceWatch(0.05);
    expect(await watch.isDead(path, 'far')).toBe(false);
    await sleep(80);
    await writeFile(`${path}.far.beat`, '1');
    expect(await watch.isDead(path, 'far')).toBe(false);
    await sleep(80);
    expect(await watch.isDead(path, 'far')).toBe(true);
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
  ])('tells its owner by itself when it %s, while the owner is at work', async (_name, take) => {
    const path = fresh();
    const lock = await acquireLock(path, { signal: never(), times: { beatSeconds: 0.02, silenceSeconds: 1 } });
    await take(path);
    await once(lock.lost, 'abort');
    expect(lock.lost.reason).toMatchObject({ code: 'base/lock-lost', hint: expect.stringContaining('again') });
    await lock.release();
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
      await expect.poll(() => failures).toBeGreaterThan(3);
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
    const again = await acquireLock(path, { signal: AbortSignal.timeout(5000) });
    await again.release();
    expect(await readdir(join(path, '..'))).toEqual([]);
  });

  it('beats, so that those who wait elsewhere can see it', async () => {
    const path = fresh();
    const lock = await acquireLock(path, { signal: never(), times: { beatSeconds: 0.01, silenceSeconds: 1 } });
    const beat = async () => Number(await readFile(`${path}.${lock.nonce}.beat`, 'utf8'));
    await expect.poll(beat).toBeGreaterThan(0);
    await expect.poll(beat).toBeGreaterThan(3);
    await lock.release();
    expect(await readdir(join(path, '..'))).toEqual([]);
  });

  it('is not held when its first sign of life cannot be given', async () => {
    const path = fresh();
    {
      using _watch = await watchFaults(({ path: place }) => (place.endsWith('.beat') ? { code: 'ENOSPC' } : 'none'));
      await expect(acquireLock(path, { signal: never() })).rejects.toMatchObject({ code: 'ENOSPC' });
    }
    expect(await readdir(join(path, '..'))).toEqual([]);
  });

  it('asks less and less often: dozens of waiters must not keep a server busy', async () => {
    const path = fresh();
    await plant(path, 'far', { host: 'elsewhere', boot: 'other', machine: 'other' });
    const controller = new AbortController();
    let looks = 0;
    using _watch = await watchFaults(({ call, path: place }) => {
      if (call === 'link' && place.includes('candidate')) looks += 1;
      return 'none';
    });
    const attempt = acquireLock(path, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error('enough')), 2000);
    await expect(attempt).rejects.toThrow('enough');
    // Every 100 ms would be 20.
    expect(looks).toBeGreaterThan(3);
    expect(looks).toBeLessThan(9);
  });

  it('says which file to delete when the lock is not one', async () => {
    const path = fresh();
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, 'garbage');
    await expect(acquireLock(path, { signal: never() })).rejects.toMatchObject({
      code: 'base/unreadable-lock',
      message: expect.stringContaining(path),
    });
  });
});
