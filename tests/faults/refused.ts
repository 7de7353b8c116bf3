import { expect } from 'vitest';
import { expectedError } from '../../src/base/files/system-error.js';
import { errorReport } from '../../src/engine/runs/error-report.js';
import { type FaultPoint, watchFaults } from '../support/fault-points.js';
import { type FlowHome, runFlow } from './flow.js';
import { openHomes, placeOf } from './recovery.js';

/** How a disk fails, and how a person is told of it. */
export interface Refusal {
  readonly code: 'ENOSPC' | 'EIO';
  /** Whether it goes on once it has begun: a disk stays full, a bad spot is one. */
  readonly lasts: boolean;
  readonly toldAs: string;
  readonly words: RegExp;
}

interface Refused {
  readonly error: ReturnType<typeof errorReport> | undefined;
  readonly exitCode: number;
  /** Where it struck; undefined if that point lies outside the flow's home. */
  readonly point: FaultPoint | undefined;
  readonly reached: number;
}

/** Runs the flow with a fault at its `at`-th point; gives the error that a person would see. */
async function refuse(home: FlowHome, at: number, { code, lasts }: Refusal): Promise<Refused> {
  let point: FaultPoint | undefined;
  using watch = await watchFaults((now) => {
    if (now.path === home.sideFile || !now.path.startsWith(home.root)) return 'none';
    if (lasts ? now.number < at : now.number !== at) return 'none';
    point ??= now;
    return { code };
  });
  const { error, exitCode } = await runFlow(home).then(
    ({ finished, exitCode }) => ({ error: finished.error, exitCode }),
    (error: unknown) => {
      if (expectedError(error) === undefined) throw error;
      return { error: errorReport(error), exitCode: 1 };
    },
  );
  return { error, exitCode, point, reached: watch.points.length };
}

/**
 * Lets the flow meet the fault at every point at which it changes the disk. Each time it is done, because only a convenience
 * failed, or says which file and why; and the next run ends as if nothing had been.
 */
export async function refuseEverywhere(refusal: Refusal): Promise<void> {
  await using homes = await openHomes();
  let told = 0;
  let struck = 0;
  for (let at = 1; ; at += 1) {
    const home = homes.fresh();
    const { error, exitCode, point, reached } = await refuse(home, at, refusal);
    if (at > reached) break;
    if (point === undefined) continue;
    struck += 1;
    const where = `${refusal.code} at ${placeOf(point)}: ${error?.message}`;
    expect(exitCode === 0, where).toBe(error === undefined);
    if (error !== undefined) {
      told += 1;
      expect([refusal.toldAs, 'engine/journal-lost'], where).toContain(error.code);
      expect(error.message, where).toMatch(refusal.words);
      expect(error.message, where).toContain(home.root);
      expect(error.hint, where).toBeDefined();
    }
    await homes.recovers(home, where);
  }
  process.stdout.write(`faults: ${refusal.code} at each of ${struck} points; ${told} told, the others gone around\n`);
  expect(struck).toBeGreaterThan(150);
  expect(told).toBeGreaterThan(struck / 2);
}
