import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { thisProcess } from '../../../src/base/processes/process-owner.js';
import type { JournalEvent, RunEvent } from '../../../src/engine/runs/event.js';
import { followRun, readEvents } from '../../../src/engine/runs/follow-run.js';
import { openJournal } from '../../../src/engine/runs/journal.js';
import { latestRun, readRun, readRuns } from '../../../src/engine/runs/run-record.js';
import type { StateDirectory } from '../../../src/engine/state-directory.js';
import { watchFaults } from '../../support/fault-points.js';
import { replaceSleep } from '../../support/sleep.js';
import { runDemo, temporaryState } from '../fixtures/temporary-state.js';

const RUN = '01ARZ3NDEKTSV4RRFFQ69G5FAV';

/** A run that has begun and whose owner is `owner`. */
async function begin(state: StateDirectory, owner: object = {}): Promise<string> {
  const folder = state.run(RUN);
  await mkdir(folder, { recursive: true });
  const started_at = new Date(0).toISOString();
  const record = { schema: 1, run: RUN, recipe: 'demo', started_at, owner: { ...(await thisProcess()), ...owner } };
  await writeFile(join(folder, 'owner.json'), JSON.stringify(record));
  return folder;
}

async function collect(events: AsyncIterable<JournalEvent>): Promise<JournalEvent[]> {
  const all: JournalEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

const progress = (done: number): RunEvent => ({ type: 'progress', stage: 'a', done, unit: 'rows' });
const finished: RunEvent = { type: 'run-finished', run: RUN, outcome: 'done', seconds: 1, stages: [], metrics: {} };

describe('followRun', () => {
  it('gives every kind of event back as it was written', async () => {
    await using home = await temporaryState();
    const { finished: end, events } = await runDemo(home);
    const { signal } = new AbortController();
    expect(await collect(followRun(home.state, end.run, { signal }))).toEqual(events);
    expect(await collect(readEvents(home.state, end.run))).toEqual(events);
  });

  it('goes on as a live run goes on, and ends behind its last event', async () => {
    await using home = await temporaryState();
    const folder = await begin(home.state);
    const events = followRun(home.state, RUN, { signal: new AbortController().signal });
    const first = events.next();
    const journal = await openJournal({ folder, redact: (text) => text });
    journal.emit(progress(1));
    expect((await first).value).toMatchObject({ done: 1 });
    const second = events.next();
    journal.emit(progress(2));
    expect((await second).value).toMatchObject({ done: 2 });
    journal.emit(finished);
    expect((await events.next()).value).toMatchObject({ type: 'run-finished' });
    expect((await events.next()).done).toBe(true);
    await journal.close();
  });

  it('waits for the rest of a line that is half written', async () => {
    await using home = await temporaryState();
    const folder = await begin(home.state);
    const line = JSON.stringify({ ...finished, time: 'now', metrics: { name: 'ä' } });
    const bytes = Buffer.from(`${line}\n`);
    const cut = bytes.indexOf('ä') + 1;
    await writeFile(join(folder, 'events.jsonl'), bytes.subarray(0, cut));
    const all = collect(followRun(home.state, RUN, { signal: new AbortController().signal }));
    await appendFile(join(folder, 'events.jsonl'), bytes.subarray(cut));
    expect(await all).toEqual([JSON.parse(line)]);
  });

  it('asks a silent run less and less often, and one that speaks again at once', async () => {
    await using home = await temporaryState();
    const folder = await begin(home.state);
    const journal = await openJournal({ folder, redact: (text) => text });
    const controller = new AbortController();
    const pauses: number[] = [];
    let silentFor = 0;
    // Ten silent minutes, then a word, then ten more; none of it is waited for.
    using _sleep = replaceSleep(() => async (milliseconds) => {
      pauses.push(milliseconds);
      silentFor += milliseconds;
      if (silentFor < 600_000) return;
      silentFor = 0;
      if (pauses.includes(-1)) return controller.abort();
      pauses.push(-1);
      journal.emit(progress(1));
      await journal.flush();
    });
    let looks = 0;
    using _watch = await watchFaults(
      ({ call, path }) => {
        if (call === 'read' && path.endsWith('events.jsonl')) looks += 1;
        return 'none';
      },
      { looks: true },
    );
    const heard = await collect(followRun(home.state, RUN, { signal: controller.signal }));
    expect(heard).toMatchObject([{ type: 'progress', done: 1 }]);
    await journal.close();
    const spoke = pauses.indexOf(-1);
    for (const silence of [pauses.slice(0, spoke), pauses.slice(spoke + 1)]) {
      expect(silence[0]).toBe(200);
      expect(silence).toEqual(silence.toSorted((a, b) => a - b));
      expect(silence.at(-1)).toBe(2000);
      // A look every two seconds, and a few more while it was still expected to speak.
      expect(silence.length).toBeLessThan(315);
    }
    // One look for each pause, and one more behind the word, to hear whether there is another.
    expect(looks).toBe(pauses.length - 1 + 1);
  });

  it('ends with a run that has died, without its torn last line', async () => {
    await using home = await temporaryState();
    const folder = await begin(home.state, { started: 'long ago' });
    const journal = await openJournal({ folder, redact: (text) => text });
    const event = journal.emit(progress(1));
    await journal.close();
    await appendFile(join(folder, 'events.jsonl'), '{"type":"prog');
    const { signal } = new AbortController();
    expect(await collect(followRun(home.state, RUN, { signal }))).toEqual([event]);
    expect(await collect(readEvents(home.state, RUN))).toEqual([event]);
    expect(await readRun(home.state, RUN)).toMatchObject({ state: 'died', recipe: 'demo' });
  });

  it('ends when the reader has enough, and knows no run that never was', async () => {
    await using home = await temporaryState();
    await begin(home.state);
    const controller = new AbortController();
    const all = collect(followRun(home.state, RUN, { signal: controller.signal }));
    controller.abort();
    expect(await all).toEqual([]);
    const stranger = followRun(home.state, 'nobody', { signal: new AbortController().signal });
    await expect(stranger.next()).rejects.toMatchObject({ code: 'engine/unknown-run', exitCode: 2 });
  });
});

describe('readRuns', () => {
  it('lists runs newest first, and tells a live one from one on another host', async () => {
    await using home = await temporaryState();
    expect(await latestRun(home.state)).toBeUndefined();
    await begin(home.state);
    expect(await latestRun(home.state)).toMatchObject({ run: RUN, state: 'running' });
    await begin(home.state, { host: 'elsewhere', boot: 'other', machine: 'other' });
    expect(await latestRun(home.state)).toMatchObject({ run: RUN, state: 'unknown' });
    const { finished: end } = await runDemo(home);
    const names: string[] = [];
    for await (const record of readRuns(home.state)) names.push(`${record.run} ${record.state}`);
    expect(names).toEqual([`${end.run} done`, `${RUN} unknown`]);
    expect((await latestRun(home.state))?.summary).toMatchObject({ outcome: 'done', metrics: end.metrics });
  });
});

describe('openJournal', () => {
  it('keeps going when a reader of its events throws', async () => {
    await using home = await temporaryState();
    const folder = await begin(home.state);
    const journal = await openJournal({
      folder,
      redact: (text) => text,
      onEvent: () => {
        throw new Error('bad view');
      },
    });
    journal.emit(progress(1));
    await journal.close();
    expect(await readFile(join(folder, 'events.jsonl'), 'utf8')).toContain('"done":1');
  });

  it('says so when events can no longer be written', async () => {
    await using home = await temporaryState();
    const folder = await begin(home.state);
    const journal = await openJournal({ folder, redact: (text) => text });
    await journal.close();
    journal.emit(progress(1));
    await expect(journal.flush()).rejects.toMatchObject({ code: 'engine/journal-lost' });
  });
});
