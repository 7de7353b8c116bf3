import { existsSync, readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { beatPath } from '../../../src/base/locks/heartbeat.js';
import { thisProcess } from '../../../src/base/processes/process-owner.js';
import { followRun } from '../../../src/engine/runs/follow-run.js';
import { replaceSleep } from '../../support/sleep.js';
import { runDemo, temporaryState } from '../fixtures/temporary-state.js';

const RUN = '01ARZ3NDEKTSV4RRFFQ69G5FAV';

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a run on another host', () => {
  it('is followed as long as it gives signs of life, and not for ever without', async () => {
    await using home = await temporaryState();
    const folder = home.state.run(RUN);
    await mkdir(folder, { recursive: true });
    const owner = { ...(await thisProcess()), host: 'elsewhere', machine: 'other', boot: 'other' };
    const started = { schema: 1, run: RUN, recipe: 'demo', started_at: '', owner };
    await writeFile(join(folder, 'owner.json'), JSON.stringify(started));
    let now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    let beatAt = 0;
    using _sleep = replaceSleep(() => async (milliseconds) => {
      now += milliseconds;
      if (now > 600_000) return;
      beatAt = now;
      await writeFile(beatPath(join(folder, 'owner.json'), RUN), String(now));
    });
    const events = followRun(home.state, RUN, { signal: new AbortController().signal });
    expect(await events.next()).toMatchObject({ done: true });
    expect(beatAt).toBeGreaterThan(500_000);
    expect(now - beatAt).toBeGreaterThanOrEqual(120_000);
    expect(now - beatAt).toBeLessThan(130_000);
  });
});

describe('a run', () => {
  it('gives signs of life as long as it lasts', async () => {
    await using home = await temporaryState();
    const alive: boolean[] = [];
    const { finished } = await runDemo(home, {
      onEvent(event) {
        if (event.type === 'run-finished') return;
        const [run = ''] = readdirSync(home.state.runs);
        alive.push(existsSync(beatPath(join(home.state.run(run), 'owner.json'), run)));
      },
    });
    expect(alive.filter(Boolean).length).toBeGreaterThan(3);
    const owner = join(home.state.run(finished.run), 'owner.json');
    expect(existsSync(beatPath(owner, finished.run))).toBe(false);
  });
});
