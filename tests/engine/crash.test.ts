import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { latestRun } from '../../src/engine/runs/run-record.js';
import { startDemo } from './fixtures/demo-process.js';
import { runDemo, temporaryState } from './fixtures/temporary-state.js';

const STAGES = ['numbers', 'squares', 'total'];

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
    const first = startDemo(home, 2000);
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
