import { mkdir, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ulid } from 'ulid';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/hash.js';
import { acquireLock } from '../../../src/base/locks/lock.js';
import { thisProcess } from '../../../src/base/processes/process-owner.js';
import { openStaging } from '../../../src/engine/artifacts/staging.js';
import { holdAnswers } from '../../../src/engine/garbage/answers-in-use.js';
import { type GarbageOptions, type Item, planGarbage } from '../../../src/engine/garbage/plan-garbage.js';
import { sweep } from '../../../src/engine/garbage/sweep.js';
import { Leases } from '../../../src/engine/runs/leases.js';
import type { StateDirectory } from '../../../src/engine/state-directory.js';
import { hasWork, removeWork } from '../../../src/engine/work-directory.js';
import { watchFaults } from '../../support/fault-points.js';
import { Gate, smallFlow } from '../fixtures/small-flow.js';
import { runDemo, temporaryState } from '../fixtures/temporary-state.js';

const { signal } = new AbortController();
const LIVE = '01ARZ3NDEKTSV4RRFFQ69G5FAV';

const garbageOf = async (state: StateDirectory, options: GarbageOptions = {}) =>
  (await planGarbage(state, options)).items.filter(({ garbage }) => garbage);
const kinds = (items: readonly Item[]) => items.map(({ kind }) => kind).sort();

async function clean(state: StateDirectory, options: GarbageOptions = {}) {
  return sweep(state, (await planGarbage(state, options)).items, signal);
}

/** A flow that fails and leaves something to go on from. */
const broken = smallFlow({
  name: 'a',
  run: async ({ work }) => {
    await writeFile(work.path('checkpoint'), '1');
    throw new Error('broken');
  },
});

/** A run of this very process that has not ended. */
async function liveRun(state: StateDirectory): Promise<Leases> {
  await mkdir(state.run(LIVE), { recursive: true });
  const owner = {
    schema: 1,
    run: LIVE,
    recipe: 'demo',
    started_at: new Date().toISOString(),
    owner: await thisProcess(),
  };
  await writeFile(join(state.run(LIVE), 'owner.json'), JSON.stringify(owner));
  return new Leases(state, LIVE, signal);
}

describe('planGarbage', () => {
  it('keeps everything that a run stands on, be it cached or made in it', async () => {
    await using home = await temporaryState();
    await runDemo(home);
    await runDemo(home);
    expect(await garbageOf(home.state)).toEqual([]);
    // The second run made nothing, and stands on all of it.
    expect(kinds(await garbageOf(home.state, { keepRuns: 1 }))).toEqual(['runs']);
  });

  it('finds what no run that is kept needs: other params, the old bytes of a forced stage', async () => {
    await using home = await temporaryState();
    let content = 'old';
    const graph = smallFlow({
      name: 'a',
      run: async ({ output }) => {
        await output.text('a', content);
        return { counts: {} };
      },
    });
    await runDemo(home, { graph });
    content = 'new';
    await runDemo(home, { graph, selection: { force: ['a'] } });
    expect(await garbageOf(home.state)).toEqual([]);
    const garbage = await garbageOf(home.state, { keepRuns: 1 });
    expect(kinds(garbage)).toEqual(['objects', 'runs']);
    expect(await readFile(join(garbage.find(({ kind }) => kind === 'objects')?.path ?? '', 'a'), 'utf8')).toBe('old');
  });

  it('keeps the work of an interrupted run, and lets that of nobody go', async () => {
    await using home = await temporaryState();
    await runDemo(home, { graph: broken });
    await mkdir(home.state.work(sha256('nobody')), { recursive: true });
    expect(kinds(await garbageOf(home.state))).toEqual(['work']);
    expect(kinds(await garbageOf(home.state, { keepRuns: 0 }))).toEqual(['runs', 'work', 'work']);
  });

  it('lets work go whose removal was cut off, and nobody goes on from it', async () => {
    await using home = await temporaryState();
    const fingerprint = sha256('train');
    const work = home.state.work(fingerprint);
    await mkdir(work, { recursive: true });
    await writeFile(join(work, 'checkpoint'), '1');
    await (await liveRun(home.state)).work(fingerprint);
    expect(await garbageOf(home.state)).toEqual([]);
    {
      using _watch = await watchFaults(({ call }) => (call === 'remove' ? { code: 'EIO' } : 'none'));
      await expect(removeWork(home.state, fingerprint)).rejects.toMatchObject({ code: 'EIO' });
    }
    expect(await hasWork(home.state, fingerprint)).toBe(false);
    expect(kinds((await clean(home.state)).removed)).toEqual(['work']);
    expect(await readdir(home.state.works)).toEqual([]);
  });

  it('drops the oldest runs until the rest fits, but never the newest, and says when that is not enough', async () => {
    await using home = await temporaryState();
    for (const power of [2, 3, 4]) await runDemo(home, { params: { power } });
    const { items } = await planGarbage(home.state, {});
    const all = items.reduce((sum, { bytes }) => sum + bytes, 0);
    const some = await planGarbage(home.state, { maxBytes: all - 1 });
    expect({ kept: some.kept.length, tooLarge: some.tooLarge }).toEqual({ kept: 2, tooLarge: false });
    const least = await planGarbage(home.state, { maxBytes: 1 });
    expect({ kept: least.kept.length, tooLarge: least.tooLarge }).toEqual({ kept: 1, tooLarge: true });
  });

  it('takes damaged things and answers only when told to', async () => {
    await using home = await temporaryState();
    await runDemo(home);
    for (const folder of ['damaged/x', 'answers/model'])
      await mkdir(join(home.state.root, folder), { recursive: true });
    expect(await garbageOf(home.state)).toEqual([]);
    expect(kinds(await garbageOf(home.state, { damaged: true, answers: true }))).toEqual(['answers', 'damaged']);
    // Somebody may be reading them.
    await liveRun(home.state);
    expect(kinds(await garbageOf(home.state, { damaged: true, answers: true }))).toEqual(['damaged']);
  });

  it('takes no answers while somebody asks outside of a run, and those of one who died', async () => {
    await using home = await temporaryState();
    await mkdir(join(home.state.root, 'answers', 'model'), { recursive: true });
    let lock = '';
    {
      await using _held = await holdAnswers(home.state, signal);
      expect(await garbageOf(home.state, { answers: true })).toEqual([]);
      [lock = ''] = await readdir(join(home.state.root, 'locks'));
      const path = join(home.state.root, 'locks', lock);
      const record = JSON.parse(await readFile(path, 'utf8'));
      await writeFile(path, JSON.stringify({ ...record, owner: { ...record.owner, started: '1' } }));
      const { removed } = await clean(home.state, { answers: true });
      expect(removed.map(({ kind, name }) => [kind, name])).toEqual([
        ['locks', lock],
        ['answers', 'model'],
      ]);
    }
    expect(await readdir(join(home.state.root, 'locks'))).toEqual([]);
  });

  it('takes what servers have left, but not from one that somebody holds', async () => {
    await using home = await temporaryState();
    const slot = (number: number) => join(home.state.root, 'services', 'teacher', String(number));
    for (const number of [0, 1]) await mkdir(slot(number), { recursive: true });
    const lock = await acquireLock(join(slot(1), 'lock'), { signal });
    const { removed } = await clean(home.state);
    expect(removed.map(({ kind, path }) => [kind, path])).toEqual([['services', slot(0)]]);
    await lock.release();
    expect(kinds(await garbageOf(home.state))).toEqual(['services']);
  });

  it('takes judgements to which nothing was added for a month, unless a run is live', async () => {
    await using home = await temporaryState();
    const folder = (name: string) => join(home.state.root, 'judgements', name);
    const long = new Date(Date.now() - 31 * 86_400_000);
    for (const name of ['old', 'new']) {
      await mkdir(folder(name), { recursive: true });
      await writeFile(join(folder(name), 'a.jsonl'), '{}\n');
    }
    await utimes(folder('old'), long, long);
    expect((await garbageOf(home.state)).map(({ kind, path }) => [kind, path])).toEqual([
      ['judgements', folder('old')],
    ]);
    await liveRun(home.state);
    expect(await garbageOf(home.state)).toEqual([]);
  });

  it('changes nothing', async () => {
    await using home = await temporaryState();
    await runDemo(home);
    using watch = await watchFaults(() => 'none');
    await planGarbage(home.state, { keepRuns: 0, damaged: true, answers: true });
    expect(watch.points).toEqual([]);
  });
});

describe('sweep', () => {
  it('removes what was planned, and leaves a state that works', async () => {
    await using home = await temporaryState();
    await runDemo(home);
    await runDemo(home, { params: { power: 3 } });
    const { removed, spared } = await clean(home.state, { keepRuns: 1 });
    expect(kinds(removed)).toEqual(['artifacts', 'artifacts', 'objects', 'objects', 'runs']);
    expect(spared).toEqual([]);
    expect(await garbageOf(home.state)).toEqual([]);
    expect((await runDemo(home, { params: { power: 3 } })).outcomes).toEqual(['cached', 'cached', 'cached']);
    expect((await runDemo(home)).outcomes).toEqual(['cached', 'done', 'done']);
  });

  it('leaves what a live run uses, planned as garbage or not', async () => {
    await using home = await temporaryState();
    await runDemo(home);
    const plan = await planGarbage(home.state, { keepRuns: 0 });
    const leases = await liveRun(home.state);
    const object = plan.items.find(({ kind }) => kind === 'objects')?.object ?? sha256('');
    await leases.object(object);
    const { spared } = await sweep(home.state, plan.items, signal);
    // Its bytes, and the pointer to them.
    expect(kinds(spared)).toEqual(['artifacts', 'objects']);
    expect(await readdir(join(home.state.root, 'objects'))).toEqual([object]);
    expect(kinds(await garbageOf(home.state, { keepRuns: 0 }))).not.toContain('objects');
  });

  it('puts back what a run leased while it was being taken away', async () => {
    await using home = await temporaryState();
    await runDemo(home);
    const plan = await planGarbage(home.state, { keepRuns: 0 });
    const leases = await liveRun(home.state);
    const object = plan.items.find(({ kind }) => kind === 'objects')?.object ?? sha256('');
    let leased: Promise<void> | undefined;
    {
      using _watch = await watchFaults(({ call, path }) => {
        if (call === 'rename' && path.endsWith(object)) leased ??= leases.object(object);
        return 'none';
      });
      const { spared } = await sweep(home.state, plan.items, signal);
      expect(kinds(spared)).toContain('objects');
    }
    // The run was made to wait until it was clear what is there.
    await leased;
    expect(await readdir(join(home.state.root, 'objects'))).toEqual([object]);
  });

  it('lets a run that begins in the middle of it see everything or nothing', async () => {
    for (let turn = 0; turn < 10; turn += 1) {
      await using home = await temporaryState();
      await runDemo(home);
      const [begin, plan] = [new Gate(), await planGarbage(home.state, { keepRuns: 0 })];
      using _watch = await watchFaults(({ call, path }) => {
        if (call === 'rename' && path.includes('/objects/')) begin.open();
        return 'none';
      });
      const sweeping = sweep(home.state, plan.items, signal);
      await begin.passed();
      const run = await runDemo(home);
      await sweeping;
      expect(run.exitCode).toBe(0);
      expect(run.events.filter((event) => event.type === 'log')).toEqual([]);
    }
  });

  it('puts back first what a killed sweep had taken away', async () => {
    await using home = await temporaryState();
    const { finished } = await runDemo(home);
    const objects = join(home.state.root, 'objects');
    const [name = ''] = await readdir(objects);
    await mkdir(join(home.state.root, 'trash'));
    await rename(join(objects, name), join(home.state.root, 'trash', name));
    await clean(home.state);
    expect(await readdir(join(home.state.root, 'trash'))).toEqual([]);
    expect((await runDemo(home)).outcomes).toEqual(['cached', 'cached', 'cached']);
    expect(finished.outcome).toBe('done');
  });

  it('gives back what a killed attempt had adopted before it judges that attempt', async () => {
    await using home = await temporaryState();
    const fingerprint = sha256('train');
    const work = home.state.work(fingerprint);
    await mkdir(join(work, 'adapter'), { recursive: true });
    await writeFile(join(work, 'adapter/w'), 'a day of training');
    const staging = await openStaging({ state: home.state, fingerprint, nonce: 'n', work, keepWork: false });
    await staging.adopt('adapter', join(work, 'adapter'), signal);
    await staging.close();
    const leases = await liveRun(home.state);
    await leases.work(fingerprint);
    expect(kinds((await clean(home.state)).removed)).toEqual(['staging']);
    expect(await readFile(join(work, 'adapter/w'), 'utf8')).toBe('a day of training');
  });

  it('touches nothing whose lock somebody holds, and removes the locks of the dead', async () => {
    await using home = await temporaryState();
    const [held, dead] = [sha256('held'), sha256('dead')];
    const lock = await acquireLock(home.state.lock(held), { signal });
    const record = JSON.parse(await readFile(home.state.lock(held), 'utf8')) as { owner: object };
    await writeFile(home.state.lock(dead), JSON.stringify({ ...record, owner: { ...record.owner, started: '1' } }));
    for (const fingerprint of [held, dead]) await mkdir(home.state.work(fingerprint), { recursive: true });
    const { removed } = await clean(home.state);
    expect(removed.map(({ kind, fingerprint }) => [kind, fingerprint])).toEqual([
      ['work', dead],
      ['locks', dead],
    ]);
    expect(await readdir(home.state.works)).toEqual([held]);
    await lock.release();
    expect(await readdir(join(home.state.root, 'locks'))).toEqual([]);
  });

  it('spares what a run stands on that came and went since it was planned', async () => {
    await using home = await temporaryState();
    await runDemo(home);
    await runDemo(home, { params: { power: 3 } });
    const plan = await planGarbage(home.state, { keepRuns: 1 });
    expect(kinds(plan.items.filter(({ garbage }) => garbage))).toEqual([
      'artifacts',
      'artifacts',
      'objects',
      'objects',
      'runs',
    ]);
    await runDemo(home);
    const { removed, spared } = await sweep(home.state, plan.items, signal);
    expect(kinds(removed)).toEqual(['runs']);
    expect(kinds(spared)).toEqual(['artifacts', 'artifacts', 'objects', 'objects']);
    expect((await runDemo(home)).outcomes).toEqual(['cached', 'cached', 'cached']);
  });

  it('spares the work of a run that was begun and interrupted since it was planned', async () => {
    await using home = await temporaryState();
    await runDemo(home, { graph: broken });
    await runDemo(home);
    const plan = await planGarbage(home.state, { keepRuns: 1 });
    expect(kinds(plan.items.filter(({ garbage }) => garbage))).toEqual(['runs', 'work']);
    await runDemo(home, { graph: broken });
    const { spared } = await sweep(home.state, plan.items, signal);
    expect(kinds(spared)).toEqual(['work']);
    expect(await hasWork(home.state, spared[0]?.fingerprint ?? sha256(''))).toBe(true);
  });

  it.each(['a newer version has written it', 'the disk does not give it'])(
    'leaves an artifact alone when %s',
    async (reason) => {
      await using home = await temporaryState();
      const { artifacts } = await runDemo(home);
      const { stage, fingerprint } = artifacts.get('total')?.manifest ?? { stage: '', fingerprint: sha256('') };
      const path = home.state.artifact(stage, fingerprint);
      const newer = reason.startsWith('a newer');
      if (newer) await writeFile(path, (await readFile(path, 'utf8')).replace('"schema": 2', '"schema": 3'));
      using _watch = await watchFaults(
        (point) => (!newer && point.call === 'read' && point.path === path ? { code: 'EIO' } : 'none'),
        {
          looks: true,
        },
      );
      expect(kinds(await garbageOf(home.state))).toEqual([]);
      const { removed } = await clean(home.state, { keepRuns: 0 });
      expect(removed.filter(({ kind, name }) => kind === 'artifacts' && name.startsWith('total'))).toEqual([]);
      expect(await readdir(home.state.artifacts(stage))).toHaveLength(1);
    },
  );

  it('clears up what runs have left that were killed before they said who they are, and waits a day for them', async () => {
    await using home = await temporaryState();
    const [old, young] = [LIVE, ulid()];
    for (const run of [old, young]) await mkdir(home.state.run(run), { recursive: true });
    expect((await clean(home.state)).removed.map(({ kind, name }) => [kind, name])).toEqual([['runs', old]]);
    expect(await readdir(home.state.runs)).toEqual([young]);
  });

  it('takes a run whose owner cannot be read for one that may live', async () => {
    await using home = await temporaryState();
    const { finished } = await runDemo(home);
    await writeFile(join(home.state.run(finished.run), 'owner.json'), '{"schema":2}');
    expect(await garbageOf(home.state, { keepRuns: 0 })).toEqual([]);
  });

  it('clears up what an older version has laid out otherwise', async () => {
    await using home = await temporaryState();
    await mkdir(join(home.state.artifacts('train'), sha256('old')), { recursive: true });
    await writeFile(join(home.state.artifacts('train'), sha256('old'), 'manifest.json'), '{}');
    expect(kinds((await clean(home.state)).removed)).toEqual(['artifacts']);
    expect(await readdir(home.state.artifacts('train'))).toEqual([]);
    await rm(home.state.artifacts('train'), { recursive: true });
  });
});
