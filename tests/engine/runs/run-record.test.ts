import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ulid } from 'ulid';
import { describe, expect, it } from 'vitest';
import { latestRun, type RunRecord, readRun, readRuns, unbornRuns } from '../../../src/engine/runs/run-record.js';
import type { StateDirectory } from '../../../src/engine/state-directory.js';
import { runDemo, temporaryState } from '../fixtures/temporary-state.js';

const DAY_MS = 86_400_000;

async function all(state: StateDirectory): Promise<RunRecord[]> {
  const records: RunRecord[] = [];
  for await (const record of readRuns(state)) records.push(record);
  return records;
}

describe('readRuns', () => {
  it('gives the newest first, and passes over what is no run', async () => {
    await using home = await temporaryState();
    expect(await all(home.state)).toEqual([]);
    expect(await latestRun(home.state)).toBeUndefined();
    const runs = [await runDemo(home), await runDemo(home), await runDemo(home)].map(({ finished }) => finished.run);
    await writeFile(join(home.state.runs, ulid()), 'a file with the name of a run');
    for (const name of ['.DS_Store', `x${ulid()}`, ulid().toLowerCase(), ulid()]) {
      await mkdir(join(home.state.runs, name));
    }
    expect((await all(home.state)).map(({ run }) => run)).toEqual(runs.toReversed());
    expect((await latestRun(home.state))?.run).toBe(runs.at(-1));
  });
});

describe('readRun', () => {
  it('knows of a run whose owner is torn what its name says, and of one whose summary is, whose it was', async () => {
    await using home = await temporaryState();
    const { finished } = await runDemo(home);
    const { run } = finished;
    const folder = home.state.run(run);
    const whole = await readRun(home.state, run);
    await writeFile(join(folder, 'summary.json'), '{"type":');
    expect(await readRun(home.state, run)).toEqual({
      ...{ run, folder, recipe: 'demo', started_at: whole?.started_at, owner: whole?.owner },
      state: 'unreadable',
      problem: expect.stringContaining('summary.json is unreadable: '),
    });
    await writeFile(join(folder, 'owner.json'), '{');
    const torn = await readRun(home.state, run);
    expect(torn).toMatchObject({ run, folder, recipe: '', state: 'unreadable' });
    expect(torn?.owner).toBeUndefined();
    expect(torn?.problem).toContain('owner.json is unreadable: ');
    // The name was chosen a moment before.
    const apart = Date.parse(whole?.started_at ?? '') - Date.parse(torn?.started_at ?? '');
    expect(Math.abs(apart)).toBeLessThan(60_000);
  });

  it('knows no run of another name', async () => {
    await using home = await temporaryState();
    await runDemo(home);
    expect(await readRun(home.state, '../runs')).toBeUndefined();
    expect(await readRun(home.state, ulid())).toBeUndefined();
  });
});

describe('unbornRuns', () => {
  it('are those that have said nothing of themselves for a day', async () => {
    await using home = await temporaryState();
    const { finished } = await runDemo(home);
    const [old, young, born] = [ulid(Date.now() - 2 * DAY_MS), ulid(Date.now() - DAY_MS / 2), ulid(1)];
    for (const run of [old, young, born]) await mkdir(home.state.run(run));
    const owner = await readFile(join(home.state.run(finished.run), 'owner.json'), 'utf8');
    await writeFile(join(home.state.run(born), 'owner.json'), owner);
    expect(await unbornRuns(home.state)).toEqual([old]);
  });
});
