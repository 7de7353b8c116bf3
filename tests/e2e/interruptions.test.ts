import { beforeAll, describe, expect, it } from 'vitest';
import type { JournalEvent } from '../../src/engine/runs/event.js';
import { finishedIn, newHome, outputsIn, processesUsing, type Started, smallRecipe, start } from './secpi-process.js';

/** Two runs of the same recipe, started together and left alone; what they made is what every other run has to make. */
let together: readonly Awaited<Started['ended']>[];
let uninterrupted: Awaited<ReturnType<typeof outputsIn>>;

beforeAll(async () => {
  const home = await newHome();
  together = await Promise.all([start(['run', smallRecipe], home).ended, start(['run', smallRecipe], home).ended]);
  uninterrupted = await outputsIn(home);
});

async function nothingLeft(home: string): Promise<void> {
  await expect.poll(() => processesUsing(home), { timeout: 15_000 }).toEqual([]);
}

describe('two runs of the same recipe', () => {
  it('do each stage once between them, and both end well', () => {
    const stages = together.map(({ code, stdout, stderr }) => {
      expect(code, stderr).toBe(0);
      return finishedIn(stdout).stages;
    });
    for (const [index, { stage }] of (stages[0] ?? []).entries()) {
      expect(stages.map((of) => of[index]?.outcome).sort(), stage).toEqual(['cached', 'done']);
    }
  });
});

/** Moments of the run, in their order: each is reached by the run that goes on from the one before. */
const moments: readonly (readonly [string, (event: JournalEvent) => boolean])[] = [
  ['in the middle of making the base model', (event) => event.type === 'metric' && event.stage === 'base'],
  ['before the first checkpoint', (event) => event.type === 'metric' && event.stage === 'train'],
  ['behind a checkpoint', (event) => event.type === 'metric' && event.stage === 'train' && event.step > 12],
  ['in the middle of evaluation', (event) => event.type === 'progress' && event.stage === 'evaluate' && event.done > 1],
];

describe('a run that is interrupted again and again', () => {
  it('ends with the same bytes: kill -9 of its process group wherever something lasts, and Ctrl-C in training', async () => {
    const home = await newHome();
    for (const [moment, isNow] of moments) {
      const run = start(['run', smallRecipe], home);
      await run.said(isNow).catch((error: unknown) => {
        throw new Error(`${moment}: ${error}`);
      });
      run.killGroup('SIGKILL');
      const { stderr } = await run.ended;
      expect(stderr, moment).not.toMatch(/^error/m);
      if (moment !== 'before the first checkpoint') continue;

      const stopped = start(['run', smallRecipe], home);
      await stopped.said(isNow);
      stopped.killGroup('SIGINT');
      const { code, stdout } = await stopped.ended;
      expect(code).toBe(130);
      expect(finishedIn(stdout).outcome).toBe('interrupted');
      await nothingLeft(home);
    }
    const { code, stdout, stderr } = await start(['run', smallRecipe], home).ended;
    expect(code, stderr + stdout.slice(-1000)).toBe(0);
    expect(await outputsIn(home)).toEqual(uninterrupted);
    await nothingLeft(home);
  });
});
