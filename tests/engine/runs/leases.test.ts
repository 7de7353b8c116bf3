import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/hash.js';
import { acquireLock } from '../../../src/base/locks/lock.js';
import { Leases, readUses } from '../../../src/engine/runs/leases.js';
import { temporaryState } from '../fixtures/temporary-state.js';

const RUN = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
const [a, b, c] = [sha256('a'), sha256('b'), sha256('c')];

async function leased(home: Awaited<ReturnType<typeof temporaryState>>, signal = new AbortController().signal) {
  await mkdir(home.state.run(RUN), { recursive: true });
  return { leases: new Leases(home.state, RUN, signal), path: join(home.state.run(RUN), 'uses.jsonl') };
}

describe('leases', () => {
  it('are written down once each, and read back by whoever asks', async () => {
    await using home = await temporaryState();
    const { leases, path } = await leased(home);
    expect(await readUses(home.state, RUN)).toEqual({ objects: new Set(), work: new Set() });
    for (const object of [a, b, a]) await leases.object(object);
    await leases.work(c);
    await leases.work(c);
    expect((await readFile(path, 'utf8')).split('\n')).toHaveLength(4);
    expect(await readUses(home.state, RUN)).toEqual({ objects: new Set([a, b]), work: new Set([c]) });
  });

  it('are read around lines that make no sense', async () => {
    await using home = await temporaryState();
    const { leases, path } = await leased(home);
    await leases.object(a);
    await appendFile(path, `{"object":"short"}\n{"other":1}\nnull\n{"object":"${b.slice(0, 30)}`);
    expect(await readUses(home.state, RUN)).toEqual({ objects: new Set([a]), work: new Set() });
  });

  it('shrink in the end to what the run stands on, and keep what it worked on', async () => {
    await using home = await temporaryState();
    const { leases } = await leased(home);
    for (const object of [a, b]) await leases.object(object);
    await leases.work(c);
    await leases.settle([b, b]);
    expect(await readUses(home.state, RUN)).toEqual({ objects: new Set([b]), work: new Set([c]) });
  });

  it('wait for a sweep that may have looked before, unless the run is stopped', async () => {
    await using home = await temporaryState();
    const controller = new AbortController();
    const { leases } = await leased(home, controller.signal);
    await using _sweep = {
      lock: await acquireLock(home.state.sweepLock, { signal: new AbortController().signal }),
      async [Symbol.asyncDispose]() {
        await this.lock.release();
      },
    };
    const waiting = leases.object(a);
    controller.abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow('stopped');
    // It was written down all the same: better too much is kept.
    expect((await readUses(home.state, RUN)).objects).toEqual(new Set([a]));
  });
});
