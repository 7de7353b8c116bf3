import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bench } from '../bench.js';
import type { Suite } from '../suite.js';
import { Judging } from './judging.js';
import { KeptJudgements } from './kept-judgements.js';
import { Lanes } from './lanes.js';

/** A problem that cannot be judged here, and why. */
export interface Fault {
  readonly problem: string;
  readonly fault: string;
}

/** Has a suite judge all its known solutions here, whatever was judged before; `onProblem` is told of each that is done. */
export async function preflight(
  suite: Suite,
  bench: Bench,
  {
    width,
    signal,
    onProblem,
  }: { readonly width: number; readonly signal: AbortSignal; readonly onProblem?: () => void },
): Promise<readonly Fault[]> {
  const folder = await mkdtemp(join(tmpdir(), 'secpi-preflight-'));
  try {
    const kept = await KeptJudgements.open(folder);
    await using judging = new Judging(suite, bench, { kept, lanes: new Lanes(width), signal });
    const found = await Promise.all(
      suite.problems.map(async (problem) => {
        const fault = await judging.faultOf(problem);
        onProblem?.();
        return fault === null ? [] : [{ problem: problem.id, fault }];
      }),
    );
    return found.flat();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
