import { expect, it } from 'vitest';
import { SecpiError } from '../../../src/base/errors.js';
import { type SmallStage, smallFlow } from '../fixtures/small-flow.js';
import { runDemo, temporaryState } from '../fixtures/temporary-state.js';

/** `data` → `train` → `score`, with `base` beside `data`; notes what is made and what is asked. */
function flow(ready?: SmallStage['ready']) {
  const noted: string[] = [];
  const makes = (name: string, inputs: readonly string[] = []) => ({
    name,
    inputs,
    run: async () => {
      noted.push(name);
      return { counts: {} };
    },
  });
  const asked = async (context: Parameters<NonNullable<SmallStage['ready']>>[0]) => {
    noted.push('asked');
    await ready?.(context);
  };
  const graph = smallFlow(
    makes('data'),
    makes('base'),
    { ...makes('train', ['data', 'base']), ready: asked },
    makes('score', ['train']),
  );
  return { graph, noted };
}

const refuse = async () => {
  throw new SecpiError('python/not-set-up', 'something is not set up', { hint: 'Set it up.', exitCode: 2 });
};

it('nothing is made before a stage that cannot be made, and the error is that stage’s', async () => {
  await using home = await temporaryState();
  const { graph, noted } = flow(refuse);
  const { finished, exitCode, events } = await runDemo(home, { graph });
  expect(noted).toEqual(['asked']);
  expect(finished.stages.map(({ stage, outcome }) => [stage, outcome])).toEqual([
    ['data', 'skipped'],
    ['base', 'skipped'],
    ['train', 'failed'],
    ['score', 'skipped'],
  ]);
  const error = { code: 'python/not-set-up', message: 'something is not set up', hint: 'Set it up.' };
  expect(finished).toMatchObject({ outcome: 'failed', error });
  expect(events.filter((event) => event.type === 'stage-finished' && event.stage === 'train')).toMatchObject([
    { error },
  ]);
  expect(exitCode).toBe(2);
  expect(events.some(({ type }) => type === 'stage-started')).toBe(false);
});

it('a stage is asked once, and not where nothing is made that leads to it', async () => {
  await using home = await temporaryState();
  const first = flow();
  expect((await runDemo(home, { graph: first.graph })).exitCode).toBe(0);
  expect(first.noted.filter((note) => note === 'asked')).toHaveLength(1);
  expect(first.noted[0]).toBe('asked');

  const refused = flow(refuse);
  const { graph, noted } = refused;
  expect((await runDemo(home, { graph })).outcomes).toEqual(['cached', 'cached', 'cached', 'cached']);
  expect((await runDemo(home, { graph, selection: { force: ['score'] } })).outcomes.at(-1)).toBe('done');
  expect((await runDemo(home, { graph, selection: { until: 'data', force: ['data'] } })).outcomes[0]).toBe('done');
  expect(noted).toEqual(['score', 'data']);
  // The stage itself.
  expect((await runDemo(home, { graph, selection: { only: ['train'], force: ['train'] } })).finished.error?.code).toBe(
    'python/not-set-up',
  );
  expect(noted).toEqual(['score', 'data', 'asked']);
});

it('to be interrupted while it is asked is to be interrupted', async () => {
  await using home = await temporaryState();
  const controller = new AbortController();
  const { graph, noted } = flow(async ({ signal }) => {
    controller.abort(new Error('enough'));
    signal.throwIfAborted();
  });
  const { finished } = await runDemo(home, { graph, signal: controller.signal });
  expect(finished.outcome).toBe('interrupted');
  expect(noted).toEqual(['asked']);
});
