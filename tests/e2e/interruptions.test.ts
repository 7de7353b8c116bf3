import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { finishedIn, newHome, outputsIn, processesUsing, type Started, smallRecipe, start } from './secpi-process.js';

const kills = 20;
/** Long enough that a run gets somewhere between two kills: loading torch alone takes a few seconds. */
const longestRunMs = 5000;

/** Two runs of the same recipe, started together and left alone; what they made is what every other run has to make. */
let together: readonly Awaited<Started['ended']>[];
let uninterrupted: Awaited<ReturnType<typeof outputsIn>>;

beforeAll(async () => {
  const home = await newHome();
  together = await Promise.all([start(['run', smallRecipe], home).ended, start(['run', smallRecipe], home).ended]);
  uninterrupted = await outputsIn(home);
});

/** A generator of equally likely numbers in [0, 1), the same in every run of the test (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

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

describe('a run that is killed', () => {
  it(`ends with the same bytes after ${kills} kill -9 of its process group at random moments`, async () => {
    const home = await newHome();
    const random = randomNumbers(20_261);
    for (let kill = 0; kill < kills; kill += 1) {
      const run = start(['run', smallRecipe], home);
      await Promise.race([sleep(300 + random() * longestRunMs), run.ended]);
      run.killGroup('SIGKILL');
      const { stderr } = await run.ended;
      expect(stderr).not.toMatch(/^error/m);
    }
    const { code, stdout, stderr } = await start(['run', smallRecipe], home).ended;
    expect(code, stderr + stdout.slice(-1000)).toBe(0);
    expect(await outputsIn(home)).toEqual(uninterrupted);
    await nothingLeft(home);
  });

  it('leaves no process behind on Ctrl-C, says 130 and goes on from there', async () => {
    const home = await newHome();
    const run = start(['run', smallRecipe], home);
    await run.said((event) => event.type === 'metric' && event.stage === 'train');
    run.killGroup('SIGINT');
    const { code, stdout } = await run.ended;
    expect(code).toBe(130);
    expect(finishedIn(stdout).outcome).toBe('interrupted');
    await nothingLeft(home);

    const again = await start(['run', smallRecipe], home).ended;
    expect(again.code, again.stderr).toBe(0);
    expect(await outputsIn(home)).toEqual(uninterrupted);
  });
});
