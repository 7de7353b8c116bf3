import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/package-root.js';
import { latestRun } from '../../src/engine/runs/run-record.js';
import { skimEvents } from '../../src/engine/runs/skim-journal.js';
import { stateDirectory } from '../../src/engine/state-directory.js';
import type { FaultPoint } from '../support/fault-points.js';
import type { FlowHome } from './flow.js';
import { buildProgram, printedUnlessKilled } from './killed-process.js';
import { type Homes, openHomes, placeOf } from './recovery.js';

/**
 * The flow is killed at every point at which it changes the disk, and in the middle of every write. Whatever the point, the run
 * can be looked at, and the next one ends with the same digests, does nothing twice that was done, and leaves nothing lying about.
 */

let homes: Homes;
let program: string;
let points: readonly FaultPoint[];

/** Runs the flow in a process that kills itself at a point; it may end before, since things that run side by side vary. */
async function killed(home: FlowHome, kill: 'before' | 'torn', at: number): Promise<string> {
  return printedUnlessKilled(program, [home.root, home.sideFile, kill, String(at)]);
}

/** Two at a time; the first failure ends it. */
async function each(items: readonly FaultPoint[], work: (item: FaultPoint) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  const workers = [worker(), worker()];
  await Promise.all(workers).catch(() => {
    left.length = 0;
  });
  await Promise.all(workers.map((one) => one.catch(() => undefined)));
  await Promise.all(workers);
}

beforeAll(async () => {
  homes = await openHomes();
  program = join(homes.folder, 'flow-process.mjs');
  await buildProgram(join(packageRoot, 'tests/faults/flow-process.ts'), program);
  const home = homes.fresh();
  const all = JSON.parse(await killed(home, 'before', 0)) as FaultPoint[];
  points = all.filter(({ path }) => path !== home.sideFile);
  process.stdout.write(`faults: killed before each of ${points.length} points at which the flow changes the disk\n`);
});

afterAll(async () => {
  await homes[Symbol.asyncDispose]();
});

describe('the flow that is killed', () => {
  it('writes in every way that is to be covered', () => {
    const places = points.map(({ call, path }) => `${call} ${path}`);
    const covered: Readonly<Record<string, RegExp>> = {
      'artifact commit: object': /^rename .*\/staging\/[^/]+\/files$/,
      'artifact commit: pointer': /^rename .*\/staging\/[^/]+\/manifest\.json$/,
      'adopted output, written down': /^append .*\/adopted\.jsonl$/,
      'adopted output, moved': /^rename .*\/work\/[0-9a-f]+\/out$/,
      journal: /^append .*\/events\.jsonl$/,
      summary: /^rename .*\/summary\.json\.[0-9a-f]+\.unfinished$/,
      'answer store': /^append .*\/answers\/model\/.*\.jsonl\.gz$/,
      'work log': /^append .*\/work\/[0-9a-f]+\/scored\.jsonl$/,
      'row file': /^write .*\/deep\/rows\.jsonl$/,
      'work removed': /^rename .*\/work\/[0-9a-f]+$/,
      'lock: taken': /^link .*\.lock\.[0-9a-f]+\.candidate$/,
      'lock: beat': /^write .*\.beat$/,
      'lock: given back': /^remove .*\.lock$/,
      'remembered hashes': /^rename .*\/hashes\/.*\.unfinished$/,
      lease: /^append .*\/uses\.jsonl$/,
    };
    const missing = Object.entries(covered).filter(([, pattern]) => !places.some((text) => pattern.test(text)));
    expect(missing.map(([what]) => what)).toEqual([]);
  });

  it('before any of its points, ends the same the next time', async () => {
    await each(points, async (point) => {
      const home = homes.fresh();
      await killed(home, 'before', point.number);
      const where = `killed before ${placeOf(point)}`;
      const state = stateDirectory(home.root);
      const record = await latestRun(state);
      if (record !== undefined) {
        expect(['died', 'done'], where).toContain(record.state);
        for (const event of await skimEvents(state, record.run)) expect(event.time, where).toMatch(/Z$/);
      }
      await homes.recovers(home, where);
    });
  });

  it('in the middle of any write, ends the same the next time', async () => {
    const writes = points.filter(({ call }) => call === 'write' || call === 'append');
    expect(writes.length).toBeGreaterThan(15);
    process.stdout.write(`faults: killed in the middle of each of ${writes.length} writes\n`);
    await each(writes, async (point) => {
      const home = homes.fresh();
      await killed(home, 'torn', point.number);
      await homes.recovers(home, `killed in the middle of ${placeOf(point)}`);
    });
  });
});
