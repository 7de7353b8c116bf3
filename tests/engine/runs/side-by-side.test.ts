import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { SecpiError } from '../../../src/base/errors.js';
import { Interruption } from '../../../src/engine/runs/interruption.js';
import { Slots } from '../../../src/engine/runs/slots.js';
import { whenAborted } from '../../support/when-aborted.js';
import { Gate, smallFlow } from '../fixtures/small-flow.js';
import { runDemo, temporaryState } from '../fixtures/temporary-state.js';

const never = () => new AbortController().signal;

describe('stages that are ready', () => {
  it('run side by side, and what follows waits for what it reads', async () => {
    await using home = await temporaryState();
    const [left, right] = [new Gate(), new Gate()];
    const graph = smallFlow(
      {
        name: 'left',
        run: async () => {
          left.open();
          await right.passed();
          return { counts: {} };
        },
      },
      {
        name: 'right',
        run: async () => {
          right.open();
          await left.passed();
          return { counts: {} };
        },
      },
      { name: 'both', inputs: ['left', 'right'] },
    );
    const { outcomes, events } = await runDemo(home, { graph });
    expect(outcomes).toEqual(['done', 'done', 'done']);
    const order = events.flatMap((event) =>
      event.type.startsWith('stage-') ? [`${event.type} ${stageOf(event)}`] : [],
    );
    expect(order.slice(0, 2).sort()).toEqual(['stage-started left', 'stage-started right']);
    expect(order.slice(2, 4).sort()).toEqual(['stage-finished left', 'stage-finished right']);
    expect(order.slice(4)).toEqual(['stage-started both', 'stage-finished both']);
  });

  it('take turns where they occupy the same thing', async () => {
    await using home = await temporaryState();
    let inside = 0;
    let most = 0;
    const trains = (wait: () => Promise<unknown>) => (name: string) => ({
      name,
      occupies: () => ['gpu'],
      run: async () => {
        inside += 1;
        most = Math.max(most, inside);
        await wait();
        inside -= 1;
        return { counts: {} };
      },
    });
    const names = ['a', 'b', 'c', 'd'];
    await runDemo(home, { graph: smallFlow(...names.map(trains(() => sleep(20)))) });
    expect(most).toBe(1);
    await using other = await temporaryState();
    const untilTwo = () => vi.waitFor(() => expect(most).toBe(2), 10_000);
    await runDemo(other, { graph: smallFlow(...names.map(trains(untilTwo))), limits: { gpu: 2 } });
    expect(most).toBe(2);
  });

  it('occupy nothing while they are cached or being looked up', async () => {
    await using home = await temporaryState();
    const graph = smallFlow({ name: 'a', occupies: () => ['gpu'] }, { name: 'b', occupies: () => ['gpu'] });
    await runDemo(home, { graph });
    expect((await runDemo(home, { graph, limits: { gpu: 0 } })).outcomes).toEqual(['cached', 'cached']);
  });

  it('put the same summary together whatever the order in which they end', async () => {
    const figures = async (slow: string) => {
      await using home = await temporaryState();
      const stage = (name: string) => ({
        name,
        run: async () => {
          if (name === slow) await sleep(30);
          return { counts: {}, metrics: { same: name }, cost_usd: 1, tokens: { input: 2, output: 3 } };
        },
      });
      const { finished } = await runDemo(home, { graph: smallFlow(stage('a'), stage('b')) });
      const { metrics, tokens, cost_usd, stages } = finished;
      return { metrics, tokens, cost_usd, stages: stages.map(({ stage: name }) => name) };
    };
    const expected = { metrics: { same: 'b' }, tokens: { input: 4, output: 6 }, cost_usd: 2, stages: ['a', 'b'] };
    expect(await figures('a')).toEqual(expected);
    expect(await figures('b')).toEqual(expected);
  });
});

describe('the first failure', () => {
  it('stops what runs beside it, starts nothing more, and is the one that is told', async () => {
    await using home = await temporaryState();
    const started = new Gate();
    let fail = true;
    const graph = smallFlow(
      {
        name: 'paid',
        run: async ({ signal, work }) => {
          started.open();
          if (fail) await whenAborted(signal);
          signal.throwIfAborted();
          return { counts: { resumed: work.path('x') === '' ? 0 : 1 } };
        },
      },
      {
        name: 'broken',
        run: async () => {
          await started.passed();
          if (fail) throw new SecpiError('demo/no-luck', 'there was no luck');
          return { counts: {} };
        },
      },
      { name: 'after', inputs: ['paid'] },
      { name: 'last', inputs: ['broken'] },
    );
    const { finished, events, exitCode } = await runDemo(home, { graph });
    expect(exitCode).toBe(1);
    expect(finished).toMatchObject({ outcome: 'failed', error: { code: 'demo/no-luck' } });
    expect(finished.stages.map(({ stage, outcome }) => [stage, outcome])).toEqual([
      ['paid', 'stopped'],
      ['broken', 'failed'],
      ['after', 'skipped'],
      ['last', 'skipped'],
    ]);
    const ends = events.flatMap((event) => (event.type === 'stage-finished' ? [event] : []));
    expect(ends.find(({ stage }) => stage === 'paid')?.why).toBe('"broken" failed');
    expect(ends.filter(({ error }) => error !== undefined).map(({ stage }) => stage)).toEqual(['broken']);
    fail = false;
    expect((await runDemo(home, { graph })).outcomes).toEqual(['done', 'done', 'done', 'done']);
  });

  it('is an interruption for all of them when it is one', async () => {
    await using home = await temporaryState();
    const controller = new AbortController();
    const [one, two] = [new Gate(), new Gate()];
    const waits = (name: string, gate: Gate) => ({
      name,
      run: async ({ signal }: { signal: AbortSignal }) => {
        gate.open();
        await whenAborted(signal);
        signal.throwIfAborted();
        return { counts: {} };
      },
    });
    const run = runDemo(home, { graph: smallFlow(waits('a', one), waits('b', two)), signal: controller.signal });
    await Promise.all([one.passed(), two.passed()]);
    controller.abort(new Interruption('SIGTERM'));
    const { finished, exitCode, outcomes } = await run;
    expect({ exitCode, outcomes, outcome: finished.outcome }).toEqual({
      exitCode: 143,
      outcomes: ['stopped', 'stopped'],
      outcome: 'interrupted',
    });
  });
});

describe('Slots', () => {
  it('give all that is wanted in one step, in the order of asking, and starve nobody', async () => {
    const slots = new Slots();
    const order: string[] = [];
    const first = await slots.occupy(['a'], never());
    const both = slots.occupy(['a', 'b'], never()).then((turn) => {
      order.push('both');
      return turn;
    });
    // `b` is free, but somebody further ahead waits for it.
    const later = slots.occupy(['b'], never()).then((turn) => {
      order.push('later');
      return turn;
    });
    await sleep(5);
    expect(order).toEqual([]);
    first[Symbol.dispose]();
    (await both)[Symbol.dispose]();
    (await later)[Symbol.dispose]();
    expect(order).toEqual(['both', 'later']);
  });

  it('let go of who is stopped while waiting', async () => {
    const slots = new Slots();
    const first = await slots.occupy(['a'], never());
    const controller = new AbortController();
    const stopped = slots.occupy(['a'], controller.signal);
    const next = slots.occupy(['a'], never());
    controller.abort(new Error('stopped'));
    await expect(stopped).rejects.toThrow('stopped');
    first[Symbol.dispose]();
    await next;
    await expect(slots.occupy([], controller.signal)).rejects.toThrow('stopped');
  });
});

function stageOf(event: object): string {
  return 'stage' in event ? String(event.stage) : '';
}
