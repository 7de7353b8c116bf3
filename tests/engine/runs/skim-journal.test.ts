import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JournalEvent } from '../../../src/engine/runs/event.js';
import { readEvents } from '../../../src/engine/runs/follow-run.js';
import { skimEvents } from '../../../src/engine/runs/skim-journal.js';
import type { StateDirectory } from '../../../src/engine/state-directory.js';
import { runDemo, temporaryState } from '../fixtures/temporary-state.js';

const RUN = '01ARZ3NDEKTSV4RRFFQ69G5FAV';

async function record(state: StateDirectory, lines: readonly string[]): Promise<string> {
  await mkdir(state.run(RUN), { recursive: true });
  const path = join(state.run(RUN), 'events.jsonl');
  await writeFile(path, lines.map((line) => `${line}\n`).join(''));
  return path;
}

const time = (second: number) => new Date(1.7e12 + second * 1000).toISOString();
const line = (type: string, second: number, rest: object) =>
  JSON.stringify({ type, stage: 'train', time: time(second), ...rest });
const started = (stage: string, second = 0) =>
  JSON.stringify({
    type: 'stage-started',
    stage,
    time: time(second),
    fingerprint: 'a'.repeat(64),
    why: '',
    resumed: false,
  });

describe('skimEvents', () => {
  it('gives all of a short journal, in order, as it was said', async () => {
    await using home = await temporaryState();
    const { finished, events } = await runDemo(home);
    expect(await skimEvents(home.state, finished.run)).toEqual(events);
    expect(await skimEvents(home.state, RUN)).toEqual([]);
  });

  it('keeps of a long one what tells how it stands: every turn, the newest progress, the last points, the last warnings', async () => {
    await using home = await temporaryState();
    const lines = [started('train')];
    for (let step = 1; step <= 20_000; step += 1) {
      lines.push(line('progress', step, { done: step, total: 30_000, unit: 'steps' }));
      lines.push(line('metric', step, { step, values: { loss: 1 / step } }));
      const level = step % 10 === 0 ? 'warn' : 'info';
      lines.push(JSON.stringify({ type: 'log', stage: 'train', level, time: time(step), message: `ä ${step}` }));
      if (step === 10_000) lines.push(started('evaluate', step));
    }
    await record(home.state, lines);
    const events = await skimEvents(home.state, RUN);
    expect(events.length).toBeLessThan(1500);
    expect(events.map(({ time: at }) => at)).toEqual(events.map(({ time: at }) => at).toSorted());
    const of = <T extends JournalEvent['type']>(type: T) =>
      events.filter((event): event is Extract<JournalEvent, { type: T }> => event.type === type);
    expect(of('stage-started').map(({ stage }) => stage)).toEqual(['train', 'evaluate']);
    expect(of('progress').at(-1)).toMatchObject({ done: 20_000 });
    const steps = of('metric').map(({ step }) => step);
    expect(steps[0]).toBe(1);
    expect(steps.at(-1)).toBe(20_000);
    const gaps = steps.slice(1).map((step, index) => step - (steps[index] ?? 0));
    expect(Math.max(...gaps)).toBeLessThan(64);
    const warnings = of('log').filter(({ level }) => level === 'warn');
    expect(warnings.slice(-2).map(({ message }) => message)).toEqual(['ä 19990', 'ä 20000']);
  });

  it('tells apart what stages that run side by side say', async () => {
    await using home = await temporaryState();
    const progress = (stage: string, done: number) =>
      JSON.stringify({ type: 'progress', stage, time: time(done), done, unit: 'rows' });
    const lines = Array.from({ length: 3000 }, (_, done) =>
      progress(done % 3 === 0 ? 'a"b' : done % 3 === 1 ? 'ab' : 'a', done),
    );
    await record(home.state, lines);
    const newest = new Map<string, number>();
    for (const event of await skimEvents(home.state, RUN)) {
      if (event.type === 'progress') newest.set(event.stage, event.done);
    }
    expect(newest).toEqual(
      new Map([
        ['a"b', 2997],
        ['ab', 2998],
        ['a', 2999],
      ]),
    );
  });

  it('passes over what it does not know, what is torn, and what is not text', async () => {
    await using home = await temporaryState();
    const path = await record(home.state, [
      started('train'),
      '{"type":"from-a-newer-version","stage":"train","time":"now"}',
      'garbage',
      '',
      line('progress', 1, { done: 1, unit: 'steps', newer: true }),
      line('progress', 2, { done: 'two', unit: 'steps' }),
    ]);
    await appendFile(path, Buffer.from([0xff, 0xfe, 0x0a]));
    await appendFile(path, line('progress', 3, { done: 3, unit: 'steps' }));
    const expected = [
      { type: 'stage-started', stage: 'train' },
      { type: 'progress', done: 1 },
    ];
    expect(await skimEvents(home.state, RUN)).toMatchObject(expected);
    const read: JournalEvent[] = [];
    for await (const event of readEvents(home.state, RUN)) read.push(event);
    expect(read).toMatchObject(expected);
    expect(read).toHaveLength(2);
  });

  it('reads lines of any length, wherever the pieces end in which it reads', async () => {
    await using home = await temporaryState();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 2_500_000 }), { minLength: 1, maxLength: 4 }),
        async (sizes) => {
          const lines = sizes.map((size, index) =>
            JSON.stringify({ type: 'interrupted', time: time(index), signal: 'ä'.repeat(size / 2) }),
          );
          await record(home.state, lines);
          const found = await skimEvents(home.state, RUN);
          expect(found.map((event) => (event.type === 'interrupted' ? event.signal.length : -1))).toEqual(
            sizes.map((size) => Math.floor(size / 2)),
          );
        },
      ),
      { numRuns: 10 },
    );
  });
});
