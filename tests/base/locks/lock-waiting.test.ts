import { utimes, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { acquireLock, readLock } from '../../../src/base/locks/lock.js';
import type { ProcessOwner } from '../../../src/base/processes/process-owner.js';
import { Interruption } from '../../../src/engine/runs/interruption.js';
import { replaceSleep } from '../../support/sleep.js';
import { ELSEWHERE, fresh, namesBeside, never, otherProcess, plant } from './planted-lock.js';

afterEach(() => {
  vi.restoreAllMocks();
});

/** The pauses, in milliseconds, that somebody makes who waits for this lock; in truth there are none. */
async function pausesOf(path: string, count: number, silenceSeconds?: number): Promise<number[]> {
  const controller = new AbortController();
  const pauses: number[] = [];
  using _sleep = replaceSleep(() => async (milliseconds) => {
    if (pauses.push(milliseconds) === count) controller.abort(new Error('enough'));
  });
  const times = silenceSeconds === undefined ? {} : { times: { beatSeconds: 1, silenceSeconds } };
  await expect(acquireLock(path, { signal: controller.signal, ...times })).rejects.toThrow('enough');
  return pauses;
}

describe('waiting for a lock', () => {
  it('waits for a live owner, says so once, and goes on when it is done', async () => {
    const path = fresh();
    const first = await acquireLock(path, { signal: never() });
    const said: string[] = [];
    let looks = 0;
    using _sleep = replaceSleep(() => async () => {
      looks += 1;
      if (looks === 3) await first.release();
    });
    const lock = await acquireLock(path, {
      signal: never(),
      onWaiting: ({ nonce }, liveness) => said.push(`${nonce} ${liveness}`),
    });
    expect(said).toEqual([`${first.nonce} alive`]);
    expect(lock.takenOver).toBe(false);
    await lock.release();
  });

  it('waits for an owner on another host that may be alive, unless a person says otherwise', async () => {
    const path = fresh();
    await plant(path, 'far', ELSEWHERE);
    const controller = new AbortController();
    const said: string[] = [];
    const attempt = acquireLock(path, {
      signal: controller.signal,
      onWaiting: ({ nonce }, liveness) => {
        said.push(`${nonce} ${liveness}`);
        controller.abort(new Interruption('SIGINT'));
      },
    });
    await expect(attempt).rejects.toMatchObject({ name: 'Interruption', by: 'SIGINT' });
    expect(said).toEqual(['far unknown']);
    expect((await readLock(path))?.nonce).toBe('far');
    expect(await namesBeside(path)).toEqual(['x.lock']);

    const lock = await acquireLock(path, { signal: never(), takeOver: true });
    expect((await readLock(path))?.nonce).toBe(lock.nonce);
    expect(lock.takenOver).toBe(true);
    await lock.release();
  });

  it('is cut short by the signal, however long the pause', async () => {
    const path = fresh();
    await plant(path, 'far', ELSEWHERE);
    const controller = new AbortController();
    using _sleep = replaceSleep((real) => async (_milliseconds, signal) => {
      setImmediate(() => controller.abort(new Error('enough')));
      await real(3_600_000, signal);
    });
    await expect(acquireLock(path, { signal: controller.signal })).rejects.toThrow('enough');
  });

  it.each<[string, Partial<ProcessOwner>]>([
    ['another host', ELSEWHERE],
    ['another container on this host', { pid_namespace: 'pid:[1]' }],
  ])('ends with taking over from an owner on %s that has given no sign of life', async (_name, owner) => {
    const path = fresh();
    await plant(path, 'far', owner);
    await writeFile(`${path}.far.beat`, '000000000007');
    const lock = await acquireLock(path, { signal: never(), times: { beatSeconds: 0.02, silenceSeconds: 0.2 } });
    expect(lock.takenOver).toBe(true);
    expect(await namesBeside(path)).toEqual(['x.lock', `x.lock.${lock.nonce}.beat`]);
    await lock.release();
    expect(await namesBeside(path)).toEqual([]);
  });

  it('goes on as long as an owner that cannot be seen shows that it lives, by its own clock alone', async () => {
    const path = fresh();
    await plant(path, 'far', ELSEWHERE);
    const beat = `${path}.far.beat`;
    let beats = 0;
    // Each look comes later than the owner may be silent, and still it has moved since the one before.
    using _sleep = replaceSleep((real) => async () => {
      await real(20, undefined);
      beats += 1;
      if (beats > 10) return;
      await writeFile(beat, String(beats));
      // The other host's clock is years off: what its files say about time must not matter.
      await utimes(beat, 1, 1);
    });
    const lock = await acquireLock(path, { signal: never(), times: { beatSeconds: 0.02, silenceSeconds: 0.01 } });
    expect(beats).toBeGreaterThan(10);
    await lock.release();
  });

  it('never ends with taking over from a live process of this machine, however silent', async () => {
    const path = fresh();
    await plant(path, 'silent', await otherProcess());
    const controller = new AbortController();
    const attempt = acquireLock(path, {
      signal: controller.signal,
      takeOver: true,
      times: { beatSeconds: 0.01, silenceSeconds: 0.02 },
    });
    void sleep(300).then(() => controller.abort(new Error('enough')));
    await expect(attempt).rejects.toThrow('enough');
    expect((await readLock(path))?.nonce).toBe('silent');
  });

  it.each<[string, () => Promise<Partial<ProcessOwner>>, number | undefined, number]>([
    ['on this machine', otherProcess, undefined, 1000],
    ['on this machine, however short the silence', otherProcess, 1, 1000],
    ['elsewhere', async () => ELSEWHERE, undefined, 5000],
    ['elsewhere with a short silence', async () => ELSEWHERE, 4, 1000],
    ['elsewhere with a long silence', async () => ELSEWHERE, 3600, 5000],
  ])('grows patient: dozens must not keep a server busy with an owner %s', async (_name, owner, silence, most) => {
    const path = fresh();
    await plant(path, 'far', await owner());
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    vi.spyOn(performance, 'now').mockReturnValue(0);
    const expected = Array.from({ length: 15 }, (_, index) => Math.min(most, 100 * 1.5 ** index));
    const pauses = await pausesOf(path, 15, silence);
    expect(pauses.map(Math.round)).toEqual(expected.map(Math.round));
  });

  it.each([
    [0, 80],
    [0.25, 90],
    [0.75, 110],
  ])('does not look at the same moment as others who wait (%d)', async (chance, pause) => {
    const path = fresh();
    await plant(path, 'far', ELSEWHERE);
    vi.spyOn(Math, 'random').mockReturnValue(chance);
    expect((await pausesOf(path, 1))[0]).toBeCloseTo(pause);
  });

  it('begins eager again with each owner that it meets', async () => {
    const path = fresh();
    await plant(path, 'one', ELSEWHERE);
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    const pauses: number[] = [];
    const said: string[] = [];
    const controller = new AbortController();
    using _sleep = replaceSleep(() => async (milliseconds) => {
      pauses.push(Math.round(milliseconds));
      if (pauses.length === 3) await plant(path, 'two', ELSEWHERE);
      if (pauses.length === 5) controller.abort(new Error('enough'));
    });
    const onWaiting = ({ nonce }: { nonce: string }) => said.push(nonce);
    await expect(acquireLock(path, { signal: controller.signal, onWaiting })).rejects.toThrow('enough');
    expect(said).toEqual(['one', 'two']);
    expect(pauses).toEqual([100, 150, 225, 100, 150]);
  });
});
