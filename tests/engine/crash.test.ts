import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { listManifests } from '../../src/engine/artifacts/artifact-store.js';
import type { Manifest } from '../../src/engine/artifacts/manifest.js';
import { latestRun } from '../../src/engine/runs/run-record.js';
import type { StateDirectory } from '../../src/engine/state-directory.js';
import { startDemo } from './fixtures/demo-process.js';
import { runDemo, temporaryState } from './fixtures/temporary-state.js';

const STAGES = ['numbers', 'squares', 'total'];

/** What must come out the same however often a run was killed. */
async function results(state: StateDirectory): Promise<object[]> {
  const manifests: Manifest[] = [];
  for (const stage of STAGES) manifests.push(...(await listManifests(state, stage)));
  return manifests.map(({ stage, fingerprint, preimage, inputs, outputs, digest, counts, reasons, metrics }) => {
    return { stage, fingerprint, preimage, inputs, outputs, digest, counts, reasons, metrics };
  });
}

/** Numbers from 0 to 1 that look random and are the same on every run of the tests (mulberry32). */
function* random(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    yield ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
}

describe('a killed run', () => {
  it('goes on and ends with the same bytes, wherever it was killed', async () => {
    await using reference = await temporaryState();
    await runDemo(reference);
    const expected = await results(reference.state);
    expect(expected).toHaveLength(3);

    const killUntilDone = async (seed: number, kills: number): Promise<void> => {
      await using home = await temporaryState();
      const chance = random(seed);
      let killed = 0;
      for (;;) {
        const demo = startDemo(home, 3);
        if (killed < kills) {
          await demo.seen((event) => event.type === 'run-started');
          // About as long as a run takes; the later ones find part of the work done.
          await sleep(chance.next().value * 140);
          demo.child.kill('SIGKILL');
        }
        if ((await demo.ended) === 0) break;
        killed += 1;
        // The kill may also come when the summary is written and only the process has not ended.
        expect(['died', 'done']).toContain((await latestRun(home.state))?.state);
      }
      expect(killed).toBeGreaterThan(0);
      expect(await results(home.state)).toEqual(expected);
      expect(await readdir(home.state.staging)).toEqual([]);
      expect((await runDemo(home, { params: { pauseMs: 3 } })).outcomes).toEqual(['cached', 'cached', 'cached']);
      expect(await readdir(join(home.state.root, 'work'))).toEqual([]);
      // A row may be bought twice only if the kill came between buying and writing it down.
      const bought = (await home.side()).filter((line) => line.startsWith('row'));
      expect(new Set(bought).size).toBe(12);
      expect(bought.length).toBeLessThanOrEqual(12 + killed);
    };
    await Promise.all([killUntilDone(1, 5), killUntilDone(2, 5), killUntilDone(3, 5)]);
  });
});

describe('two runs at the same time', () => {
  it('do each stage once, and both end well', async () => {
    await using home = await temporaryState();
    const both = [startDemo(home, 50), startDemo(home, 50)];
    expect(await Promise.all(both.map((demo) => demo.ended))).toEqual([0, 0]);
    const starts = (await home.side()).filter((line) => line.startsWith('start'));
    expect(starts.sort()).toEqual(STAGES.map((stage) => `start ${stage}`));
    expect(await readdir(join(home.state.root, 'locks'))).toEqual([]);
  });

  it('leave the work of a killed one to the one that waits for it', async () => {
    await using home = await temporaryState();
    const first = startDemo(home, 500);
    await first.seen((event) => event.type === 'progress');
    const second = startDemo(home, 0);
    await second.seen((event) => event.type === 'stage-waiting');
    first.child.kill('SIGKILL');
    expect(await second.ended).toBe(0);
    expect(second.events).toContainEqual(expect.objectContaining({ type: 'stage-started', resumed: true }));
    expect(new Set((await home.side()).filter((line) => line.startsWith('row'))).size).toBe(12);
  });
});

describe('an interrupted run', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends by itself after %s with exit code %i, and can go on', async (signal, code) => {
    await using home = await temporaryState();
    const demo = startDemo(home, 10);
    await demo.seen((event) => event.type === 'progress' && event.done === 3);
    demo.child.kill(signal);
    expect(await demo.ended).toBe(code);
    expect(demo.events.at(-1)).toMatchObject({ type: 'run-finished', outcome: 'interrupted' });
    const record = await latestRun(home.state);
    expect(record?.state).toBe('interrupted');
    expect(JSON.parse(await readFile(join(record?.folder ?? '', 'summary.json'), 'utf8'))).toEqual(demo.events.at(-1));
    expect(await readdir(join(home.state.root, 'locks'))).toEqual([]);

    const again = await runDemo(home);
    expect(again.outcomes).toEqual(['done', 'done', 'done']);
    const rows = (await home.side()).filter((line) => line.startsWith('row'));
    expect(rows).toEqual(Array.from({ length: 12 }, (_, n) => `row ${n}`));
  });
});
