import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { SecpiError } from '../../../src/base/errors.js';
import { identitiesOf } from '../../../src/engine/flow/identity.js';
import { NodeResolver } from '../../../src/engine/flow/resolve-node.js';
import { Interruption } from '../../../src/engine/runs/interruption.js';
import { readRun } from '../../../src/engine/runs/run-record.js';
import { newSweep } from '../../../src/engine/runs/sweep.js';
import { whenAborted } from '../../support/when-aborted.js';
import { demoGraph } from '../fixtures/demo-graph.js';
import { Gate, type SmallStage, smallFlow } from '../fixtures/small-flow.js';
import { runDemo, temporaryState } from '../fixtures/temporary-state.js';

type Home = Awaited<ReturnType<typeof temporaryState>>;

/** Two runs of one sweep: a stage that both need, and for each one of its own behind it. */
function pair(home: Home, shared: SmallStage, own: Partial<SmallStage> = {}, options: object = {}) {
  const sweep = newSweep();
  const member = (name: string) => {
    const pins = async () => ({ member: name });
    const graph = smallFlow(shared, { name: 'own', inputs: [shared.name], pins, ...own });
    return runDemo(home, { graph, sweep, member: { name, axes: { x: name } }, ...options });
  };
  return Promise.all([member('one'), member('two')]);
}

describe('runs of one sweep', () => {
  it('make what they share once, and their own each', async () => {
    await using home = await temporaryState();
    const times = { shared: 0, own: 0 };
    const counted = (name: 'shared' | 'own') => async () => {
      times[name] += 1;
      await sleep(5);
      return { counts: {} };
    };
    const runs = await pair(home, { name: 'shared', run: counted('shared') }, { run: counted('own') });
    expect(times).toEqual({ shared: 1, own: 2 });
    expect(runs.map(({ outcomes }) => outcomes[0]).sort()).toEqual(['cached', 'done']);
    const records = await Promise.all(runs.map(({ finished }) => readRun(home.state, finished.run)));
    expect(records).toMatchObject([{ member: { name: 'one' } }, { member: { name: 'two' } }]);
    expect(records[0]?.sweep).toBe(records[1]?.sweep);
    expect((records[0]?.run ?? '') < (records[1]?.run ?? '')).toBe(true);
  });

  it('take turns at what their stages occupy, and only at that', async () => {
    await using home = await temporaryState();
    /** How many are at work at once, at most; each stays until as many as expected are. */
    const most = async (machineOf: (member: string) => string, limit: number, expected: number): Promise<number> => {
      const sweep = newSweep({ gpu: limit });
      const enough = new Gate();
      let [inside, highest] = [0, 0];
      const member = (name: string) => {
        const stage: SmallStage = {
          name: 'train',
          occupies: () => [machineOf(name)],
          pins: async () => ({ name, limit, machine: machineOf(name) }),
          run: async () => {
            inside += 1;
            highest = Math.max(highest, inside);
            if (inside === expected) enough.open();
            await enough.passed();
            await sleep(5);
            inside -= 1;
            return { counts: {} };
          },
        };
        return runDemo(home, { graph: smallFlow(stage), sweep });
      };
      await Promise.all(['a', 'b', 'c'].map(member));
      return highest;
    };
    expect(await most(() => 'gpu', 1, 1)).toBe(1);
    expect(await most(() => 'gpu', 2, 2)).toBe(2);
    expect(await most((member) => member, 1, 3)).toBe(3);
  });

  it('make again only once what all of them are forced to', async () => {
    await using home = await temporaryState();
    let times = 0;
    const shared: SmallStage = {
      name: 'shared',
      run: async () => {
        times += 1;
        return { counts: {} };
      },
    };
    await pair(home, shared);
    const runs = await pair(home, shared, {}, { selection: { force: ['shared'] } });
    expect(times).toBe(2);
    expect(runs.map(({ outcomes }) => outcomes[0]).sort()).toEqual(['cached', 'done']);
  });

  it('try once what fails for all of them, and again the next time', async () => {
    await using home = await temporaryState();
    let times = 0;
    const shared: SmallStage = {
      name: 'shared',
      run: async () => {
        times += 1;
        await sleep(5);
        throw new SecpiError('demo/broken', 'it is broken', { exitCode: times === 1 ? 3 : 1 });
      },
    };
    const runs = await pair(home, shared);
    expect(times).toBe(1);
    expect(runs.map(({ exitCode, finished }) => [exitCode, finished.error?.code])).toEqual([
      [3, 'demo/broken'],
      [3, 'demo/broken'],
    ]);
    await pair(home, shared);
    expect(times).toBe(2);
  });

  it('go on when one of them fails', async () => {
    await using home = await temporaryState();
    const sweep = newSweep();
    const member = (name: string) => {
      const run: SmallStage['run'] = async ({ signal }) => {
        if (name === 'bad') throw new SecpiError('demo/broken', 'it is broken');
        await sleep(20);
        signal.throwIfAborted();
        return { counts: {} };
      };
      return runDemo(home, { graph: smallFlow({ name: 'own', pins: async () => ({ name }), run }), sweep });
    };
    const runs = await Promise.all(['bad', 'good', 'better'].map(member));
    expect(runs.map(({ finished }) => finished.outcome)).toEqual(['failed', 'done', 'done']);
  });

  it('take over what another one was making when it failed elsewhere', async () => {
    await using home = await temporaryState();
    const sweep = newSweep();
    const begun = new Gate();
    let times = 0;
    const shared: SmallStage = {
      name: 'shared',
      run: async ({ signal }) => {
        times += 1;
        begun.open();
        if (times === 1) await whenAborted(signal);
        signal.throwIfAborted();
        return { counts: {} };
      },
    };
    const bad: SmallStage = {
      name: 'bad',
      run: async () => {
        await begun.passed();
        throw new SecpiError('demo/broken', 'it is broken');
      },
    };
    const first = runDemo(home, { graph: smallFlow(shared, bad), sweep });
    await begun.passed();
    const [failed, good] = await Promise.all([first, runDemo(home, { graph: smallFlow(shared), sweep })]);
    expect([failed.outcomes, good.outcomes]).toEqual([['stopped', 'failed'], ['done']]);
  });

  it('all stop at an interruption, also those that wait for another one', async () => {
    await using home = await temporaryState();
    const controller = new AbortController();
    const shared: SmallStage = {
      name: 'shared',
      run: async ({ signal }) => {
        controller.abort(new Interruption('SIGINT'));
        await whenAborted(signal);
        throw signal.reason;
      },
    };
    const runs = await pair(home, shared, {}, { signal: controller.signal });
    expect(runs.map(({ exitCode }) => exitCode)).toEqual([130, 130]);
    // What was interrupted is not what fails.
    expect((await pair(home, { name: 'shared' })).map(({ exitCode }) => exitCode)).toEqual([0, 0]);
  });
});

describe('the identity of a stage', () => {
  it('is the same where all it stands on is the same, before anything has run', async () => {
    await using home = await temporaryState();
    const of = (params: Parameters<typeof demoGraph>[0], seed = 3) => {
      const signal = new AbortController().signal;
      return identitiesOf(demoGraph(params), new NodeResolver({ ...home, seed, signal }));
    };
    const [first, other, seeded] = [await of({}), await of({ power: 5 }), await of({}, 4)];
    expect(first).toEqual(await of({}));
    expect(other.get('numbers')).toBe(first.get('numbers'));
    expect(other.get('squares')).not.toBe(first.get('squares'));
    expect(other.get('total')).not.toBe(first.get('total'));
    expect(seeded.get('squares')).not.toBe(first.get('squares'));
  });

  it('is not known where a fact it stands on, or a stage before it, is not', async () => {
    await using home = await temporaryState();
    const pins = () => Promise.reject(new SecpiError('demo/away', 'nobody answers'));
    const graph = smallFlow({ name: 'a', pins }, { name: 'b', inputs: ['a'] }, { name: 'c' });
    const signal = new AbortController().signal;
    const identities = await identitiesOf(graph, new NodeResolver({ ...home, seed: 1, signal }));
    expect([...identities].map(([name, identity]) => [name, identity === undefined])).toEqual([
      ['a', true],
      ['b', true],
      ['c', false],
    ]);
  });
});
