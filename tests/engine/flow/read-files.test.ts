import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { onlyFiles } from '../../../src/engine/artifacts/artifact.js';
import { commit } from '../fixtures/artifacts.js';
import { type SmallStage, smallFlow } from '../fixtures/small-flow.js';
import { runDemo, temporaryState } from '../fixtures/temporary-state.js';

const rows = z.object({ n: z.number() });

/** Makes rows, and says beside them how they were sifted. */
const sift = (n: number, note: string): SmallStage => ({
  name: 'sift',
  seeded: true,
  pins: async () => ({ n, note }),
  run: async ({ output }) => {
    const file = await output.rows('data/rows.jsonl');
    await file.write({ n });
    await file.close();
    await output.text('funnel.txt', note);
    return { counts: { [note]: 1 } };
  },
});

const learn = (reads: SmallStage['reads'], read = 'data/rows.jsonl'): SmallStage => ({
  name: 'learn',
  inputs: ['sift'],
  ...(reads === undefined ? {} : { reads }),
  run: async ({ inputs, output }) => {
    for await (const { n } of inputs.sift?.rows(read, rows) ?? []) await output.text('learnt.txt', String(n));
    return { counts: {} };
  },
});

describe('a stage that names the files it reads', () => {
  it.each([['data/rows.jsonl'], ['data']])('is not made anew for another file than %s', async (named) => {
    await using home = await temporaryState();
    const reads = { sift: [named] };
    const run = (n: number, note: string) => runDemo(home, { graph: smallFlow(sift(n, note), learn(reads)) });
    expect((await run(1, 'all kept')).outcomes).toEqual(['done', 'done']);
    expect((await run(1, 'one filter more')).outcomes).toEqual(['done', 'cached']);
    const changed = await run(2, 'all kept');
    expect(changed.outcomes).toEqual(['done', 'done']);
    const why = changed.events.find((event) => event.type === 'stage-started' && event.stage === 'learn');
    expect(why).toMatchObject({ why: expect.stringMatching(new RegExp(`^inputs\\.sift\\.${named}: other content`)) });
  });

  it('is made anew for any file of an input of which it names none', async () => {
    await using home = await temporaryState();
    const run = (note: string) => runDemo(home, { graph: smallFlow(sift(1, note), learn(undefined)) });
    expect((await run('all kept')).outcomes).toEqual(['done', 'done']);
    expect((await run('one filter more')).outcomes).toEqual(['done', 'done']);
  });

  it('cannot read another one: nothing is committed', async () => {
    await using home = await temporaryState();
    const sneaky = learn({ sift: ['data'] }, 'funnel.txt');
    const { outcomes, exitCode } = await runDemo(home, { graph: smallFlow(sift(1, 'all kept'), sneaky) });
    expect(outcomes).toEqual(['done', 'failed']);
    expect(exitCode).not.toBe(0);
  });
});

describe('onlyFiles', () => {
  it('shows of an artifact what is named, by every way to ask', async () => {
    await using home = await temporaryState();
    const whole = await commit(home.state, { 'data/rows.jsonl': '{"n":1}\n', 'database.txt': 'x', 'note.txt': 'y' });
    const part = onlyFiles(whole, ['data', 'note.txt']);
    expect(part.manifest.outputs.map(({ path }) => path)).toEqual(['data/rows.jsonl', 'note.txt']);
    expect(part.path('data/rows.jsonl')).toBe(whole.path('data/rows.jsonl'));
    expect(part.digest('data')).toBe(whole.digest('data'));
    for (const ask of [part.path, part.where, part.files, part.digest]) {
      expect(() => ask('database.txt')).toThrow('database.txt of demo is read, but not named');
    }
    expect(() => part.rows('database.txt', rows)).toThrow('not named');
    await expect(part.json('database.txt', rows)).rejects.toThrow('not named');
  });
});
