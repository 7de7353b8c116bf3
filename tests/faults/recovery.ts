import { readFileSync, writeFileSync } from 'node:fs';
import { access, constants, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { listManifests } from '../../src/engine/artifacts/artifact-store.js';
import { planGarbage } from '../../src/engine/garbage/plan-garbage.js';
import { sweep } from '../../src/engine/garbage/sweep.js';
import { stateDirectory } from '../../src/engine/state-directory.js';
import type { FaultPoint } from '../support/fault-points.js';
import { type FlowHome, ROWS, runFlow } from './flow.js';

/** Homes of flows that are hurt, and what must be true once each has been run again. */
export interface Homes extends AsyncDisposable {
  readonly folder: string;
  fresh(): FlowHome;
  /** Runs the flow once more and looks at everything that a fault must not have changed. */
  recovers(home: FlowHome, where: string): Promise<void>;
}

/** Memory is disk enough here: what is proven is the order of the calls, and thousands of runs wait for no disk then. */
async function fastFolder(): Promise<string> {
  const memory = '/dev/shm';
  return access(memory, constants.W_OK).then(
    () => memory,
    () => tmpdir(),
  );
}

/** What must come out the same. */
async function results({ root }: FlowHome): Promise<object[]> {
  const state = stateDirectory(root);
  const manifests = [];
  for (const stage of ['buy', 'train', 'report']) manifests.push(...(await listManifests(state, stage)));
  return manifests.map(({ stage, fingerprint, inputs, outputs, digest, counts }) => {
    return { stage, fingerprint, inputs, outputs, digest, counts };
  });
}

const said = ({ sideFile }: FlowHome): string[] => readFileSync(sideFile, 'utf8').split('\n').slice(0, -1);

/** Runs the flow unharmed for once, to compare with. */
export async function openHomes(): Promise<Homes> {
  const folder = await mkdtemp(join(await fastFolder(), 'secpi-faults-'));
  let homes = 0;
  const fresh = (): FlowHome => {
    homes += 1;
    const home = { root: join(folder, String(homes), 'state'), sideFile: join(folder, `${homes}.txt`) };
    writeFileSync(home.sideFile, '');
    return home;
  };
  const unharmed = fresh();
  await runFlow(unharmed);
  const expected = await results(unharmed);
  expect(expected).toHaveLength(3);

  return {
    folder,
    fresh,
    async recovers(home, where) {
      const before = said(home);
      const { finished, exitCode } = await runFlow(home);
      const { outcome, error } = finished;
      expect({ exitCode, outcome, error }, where).toEqual({ exitCode: 0, outcome: 'done' });
      expect(await results(home), where).toEqual(expected);
      // Nothing was bought, scored or trained twice.
      const after = said(home).slice(before.length);
      for (let n = 0; n < ROWS; n += 1) {
        if (before.includes(`kept ${n}`)) expect(after, where).not.toContain(`bought ${n}`);
        if (before.includes(`logged ${n}`)) expect(after, where).not.toContain(`scored ${n}`);
      }
      if (before.includes('trained')) expect(after, where).not.toContain('training');
      // What the dead left behind and nobody came across is cleared away with the other garbage, and nothing else is.
      const state = stateDirectory(home.root);
      await sweep(state, (await planGarbage(state, {})).items, new AbortController().signal);
      for (const left of [state.staging, state.works, join(home.root, 'locks')])
        expect(await readdir(left), `${where}: ${left}`).toEqual([]);
      await expect(readdir(state.damaged), `${where}: something good was taken for damaged`).rejects.toMatchObject({
        code: 'ENOENT',
      });
      const again = await runFlow(home);
      expect(
        again.finished.stages.map((stage) => stage.outcome),
        where,
      ).toEqual(['cached', 'cached', 'cached']);
      await rm(join(home.root, '..'), { recursive: true });
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** A point in words that are the same for every home. */
export function placeOf({ number, call, path }: FaultPoint): string {
  const name = path
    .replace(/^.*?\/\d+\/state/, '')
    .replace(/[0-9a-f]{16,}/g, '#')
    .replace(/[0-9A-Z]{26}/g, 'RUN');
  return `${call} ${name} (point ${number})`;
}
