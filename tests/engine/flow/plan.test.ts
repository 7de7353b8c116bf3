import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { SecpiError } from '../../../src/base/errors.js';
import { buildGraph, type Graph, graphNode } from '../../../src/engine/flow/graph.js';
import { type PlanEntry, type PlanOptions, planRun } from '../../../src/engine/flow/plan.js';
import { rolesOf } from '../../../src/engine/flow/selection.js';
import { defineStage } from '../../../src/engine/stage.js';
import { type DemoServices, demoGraph } from '../fixtures/demo-graph.js';
import { type SmallStage, smallFlow } from '../fixtures/small-flow.js';
import { objectOf, runDemo, temporaryState } from '../fixtures/temporary-state.js';

const empty = (name: string, ...inputs: string[]) =>
  defineStage({
    name,
    version: 1,
    params: z.strictObject({}),
    inputs,
    seeded: false,
    run: async () => ({ counts: {} }),
  });
const node = (name: string, inputs: Record<string, string> = {}) =>
  graphNode({ name, stage: empty(name, ...Object.keys(inputs)), params: {}, inputs });

describe('buildGraph', () => {
  it('puts every node behind what it reads', () => {
    const graph = buildGraph([node('c', { x: 'a', y: 'b' }), node('b', { x: 'a' }), node('a'), node('d')]);
    expect(graph.nodes.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('refuses circles, strangers, doubles, wrong inputs and odd names', () => {
    expect(() => buildGraph([node('a', { x: 'b' }), node('b', { x: 'a' })])).toThrow('circle: a → b → a');
    expect(() => buildGraph([node('a', { x: 'b' })])).toThrow('a reads "b", which is no stage');
    expect(() => buildGraph([node('a'), node('a')])).toThrow('two stages are called "a"');
    expect(() => buildGraph([node('../a')])).toThrow('bad stage name');
    const wrong = graphNode({ name: 'a', stage: empty('a', 'x', 'y'), params: {}, inputs: { x: 'a', z: 'a' } });
    expect(() => buildGraph([wrong])).toThrow('a has the inputs [x, z] but its stage reads [x, y]');
  });
});

describe('rolesOf', () => {
  const graph = buildGraph([node('a'), node('b', { x: 'a' }), node('c', { x: 'b' }), node('d', { x: 'a' }), node('e')]);
  const roles = (selection: Parameters<typeof rolesOf>[1]): string =>
    [...rolesOf(graph, selection).of.values()].map((role) => role[0]).join('');

  it('works out --from, --until and --only', () => {
    expect(roles({})).toBe('rrrrr');
    expect(roles({ until: 'b' })).toBe('rrlll');
    expect(roles({ from: 'b' })).toBe('nrrll');
    expect(roles({ from: 'b', until: 'b' })).toBe('nrlll');
    expect(roles({ only: ['c'] })).toBe('nnrll');
    expect(roles({ only: ['c', 'a'] })).toBe('rnrll');
  });

  it('calls bad choices bad usage, with the likely name', () => {
    const thrown = (selection: Parameters<typeof rolesOf>[1]): unknown => {
      try {
        return rolesOf(demoGraph(), selection);
      } catch (error) {
        return error;
      }
    };
    expect(thrown({ force: ['sqares'] })).toMatchObject({
      code: 'engine/unknown-stage',
      hint: 'Did you mean "squares"?',
      exitCode: 2,
    });
    expect(thrown({ until: 'xyz' })).toMatchObject({ hint: 'Stages are: numbers, squares, total' });
    expect(thrown({ from: 'total', until: 'numbers' })).toMatchObject({ code: 'engine/bad-selection', exitCode: 2 });
    expect(thrown({ until: 'numbers', force: ['total'] })).toMatchObject({
      message: '"total" is to be forced but is not among the stages to run',
    });
  });
});

describe('planRun', () => {
  const plan = (
    home: { state: PlanOptions<DemoServices>['state']; services: DemoServices },
    graph: Graph<DemoServices>,
    options: Partial<PlanOptions<DemoServices>> = {},
  ): Promise<PlanEntry[]> => {
    const { signal } = new AbortController();
    return planRun({ ...home, graph, seed: 3, signal, ...options });
  };
  const brief = (entries: readonly PlanEntry[]): Record<string, readonly string[]> =>
    Object.fromEntries(entries.map(({ stage, state, why }) => [stage, [state, ...why]]));

  it('says for each stage what would happen and why, and writes nothing', async () => {
    await using home = await temporaryState();
    const first = await plan(home, demoGraph());
    expect(brief(first)).toEqual({
      numbers: ['run', 'it has never run here'],
      squares: ['waits', 'it has never run here'],
      total: ['waits', 'it has never run here'],
    });
    expect(first[0]?.estimate).toEqual({ requests: 12 });
    expect(first[2]).toMatchObject({ fingerprint: null, waits_for: ['numbers', 'squares'], resumes: false });
    expect(await readdir(home.folder)).toEqual([]);

    await runDemo(home);
    expect(brief(await plan(home, demoGraph()))).toEqual({
      numbers: ['cached'],
      squares: ['cached'],
      total: ['cached'],
    });
    expect(brief(await plan(home, demoGraph({ pauseMs: 5 })))).toMatchObject({ numbers: ['cached'] });
    expect(brief(await plan(home, demoGraph({ power: 3 })))).toEqual({
      numbers: ['cached'],
      squares: ['run', 'params.power: 2 → 3'],
      total: ['waits', 'waits for squares'],
    });
    expect(brief(await plan(home, demoGraph({ rows: 13, power: 3 })))).toEqual({
      numbers: ['run', 'params.rows: 12 → 13'],
      squares: ['waits', 'params.power: 2 → 3'],
      total: ['waits', 'waits for numbers, squares'],
    });
    expect(brief(await plan(home, demoGraph(), { seed: 4 }))).toMatchObject({ numbers: ['run', 'seed: 3 → 4'] });
    expect(brief(await plan(home, demoGraph(), { selection: { only: ['numbers'], force: ['numbers'] } }))).toEqual({
      numbers: ['run', 'forced'],
      squares: ['left-out'],
      total: ['left-out'],
    });
    expect(brief(await plan(home, demoGraph({ rows: 13 }), { selection: { from: 'squares' } }))).toEqual({
      numbers: ['missing', 'params.rows: 12 → 13'],
      squares: ['waits', 'waits for numbers'],
      total: ['waits', 'waits for numbers, squares'],
    });
  });

  it('sees damage without touching it', async () => {
    await using home = await temporaryState();
    const { finished } = await runDemo(home);
    const fingerprint = finished.stages[2]?.fingerprint ?? raise();
    const object = await objectOf(home.state, 'total', fingerprint);
    await writeFile(join(object, 'total.json'), 'not what it was');
    expect(brief(await plan(home, demoGraph()))).toMatchObject({
      total: ['run', 'its artifact is damaged: total.json has 15 bytes instead of 32'],
    });
    expect(await readdir(home.state.artifacts('total'))).toEqual([`${fingerprint}.json`]);
    expect(await readFile(join(object, 'total.json'), 'utf8')).toBe('not what it was');
  });

  it('plans the rest when what a stage depends on does not answer', async () => {
    await using home = await temporaryState();
    const unreachable = new SecpiError('hub/unreachable', 'the connection to the Hub failed', { hint: 'Try again.' });
    let answer: () => unknown = () => unreachable;
    const pins = async () => {
      const error = answer();
      if (error !== undefined) throw error;
      return {};
    };
    const graph = smallFlow(
      { name: 'tasks' },
      { name: 'base', pins },
      { name: 'train', inputs: ['tasks', 'base'] },
      { name: 'scores', inputs: ['train'], pins, estimate: async () => ({ requests: 7 }) },
      { name: 'other', inputs: ['tasks'] },
    );
    const why = ['the connection to the Hub failed'];
    expect(await plan(home, graph)).toMatchObject([
      { stage: 'tasks', state: 'run', why: ['it has never run here'] },
      { stage: 'base', state: 'unknown', fingerprint: null, why, waits_for: [], error: unreachable },
      { stage: 'train', state: 'waits', waits_for: ['tasks', 'base'], why: ['it has never run here'] },
      // It waits for others, and what decides it does not answer besides.
      { stage: 'scores', state: 'waits', waits_for: ['train'], why, estimate: { requests: 7 } },
      { stage: 'other', state: 'waits', waits_for: ['tasks'] },
    ]);

    // What it cannot say is no reason to make anything again.
    answer = () => undefined;
    await runDemo(home, { graph });
    answer = () => Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'open', path: '/data/rows' });
    expect(brief(await plan(home, graph))).toEqual({
      tasks: ['cached'],
      base: ['unknown', 'cannot open /data/rows: the disk or network file system reports an error'],
      train: ['waits', 'waits for base'],
      scores: ['waits', 'cannot open /data/rows: the disk or network file system reports an error'],
      other: ['cached'],
    });
    answer = () => undefined;
    expect((await plan(home, graph)).map(({ state }) => state)).toEqual(Array.from({ length: 5 }, () => 'cached'));

    // A bug of a stage is nothing to plan around.
    for (const broken of ['base', 'scores']) {
      const stages = graph.nodes.map(({ stage }) =>
        stage.name === broken ? { ...stage, pins: () => Promise.reject(new TypeError('bug')) } : stage,
      );
      await expect(plan(home, smallFlow(...(stages as SmallStage[]))), broken).rejects.toThrow('bug');
    }
  });

  it('asks a stage whether its artifact still holds, and survives an estimate that fails', async () => {
    await using home = await temporaryState();
    let gone: string | undefined;
    const pushed = defineStage<Record<never, never>, never, DemoServices>({
      name: 'push',
      version: 1,
      params: z.strictObject({}),
      inputs: [],
      seeded: false,
      pins: async () => ({ repo: 'me/model' }),
      estimate: () => Promise.reject(new Error('no route')),
      stale: async () => gone,
      run: async () => ({ counts: {} }),
    });
    const graph = buildGraph([graphNode({ name: 'push', stage: pushed, params: {}, inputs: {} })]);
    expect((await plan(home, graph))[0]?.estimate).toEqual({ note: 'no estimate: no route' });
    await runDemo(home, { graph });
    expect(brief(await plan(home, graph))).toEqual({ push: ['cached'] });
    gone = 'the repository is gone';
    expect(brief(await plan(home, graph))).toEqual({ push: ['run', 'the repository is gone'] });
    const again = await runDemo(home, { graph });
    expect(again.outcomes).toEqual(['done']);
  });
});

function raise(): never {
  throw new Error('no fingerprint');
}
