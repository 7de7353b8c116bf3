import { expect, it } from 'vitest';
import { shortMembers } from '../../../src/cli/sweeps/short-names.js';
import { sweepRow } from '../../../src/cli/sweeps/sweep-rows.js';
import { sweepSum, sweepTable } from '../../../src/cli/sweeps/sweep-table.js';
import { plainStyle } from '../../../src/cli/views/style.js';
import { buildGraph } from '../../../src/engine/flow/graph.js';
import { readRun } from '../../../src/engine/runs/run-record.js';
import type { DemoServices } from '../../engine/fixtures/demo-graph.js';
import { runDemo, temporaryState } from '../../engine/fixtures/temporary-state.js';
import { given } from '../../support/stage-flow.js';

/** A run whose evaluation came to these figures. */
async function rowWith(
  tuned: number,
  interval: readonly [number, number] | null,
  axes: Readonly<Record<string, string>>,
) {
  await using home = await temporaryState();
  const figures = (func_sec_at_1: number | null, around: readonly [number, number] | null) => ({
    func_sec_at_1,
    intervals: { func_sec_at_1: around },
  });
  const suites = { mini: { variants: { base: figures(0.25, [0.1, 0.45]), tuned: figures(tuned, interval) } } };
  const evaluate = given<DemoServices>('evaluate', { files: { 'scores.json': { schema: 1, suites } } });
  const { finished } = await runDemo(home, {
    graph: buildGraph([evaluate]),
    member: { name: Object.values(axes).join(), axes },
  });
  const record = await readRun(home.state, finished.run);
  if (record === undefined) throw new Error('the run left no record');
  const row = await sweepRow(home.state, record);
  return { ...row, run: 'ID', seconds: 3 };
}

it('shows axes, outcome and the figures of every suite with their intervals', async () => {
  const rows = [
    { ...(await rowWith(0.5, [0.3, 0.7], { 'train.lr': '0.1', 'a.seed': '1', 'b.seed': '2' })), cost_usd: 0.5 },
    await rowWith(1, null, { 'train.lr': '0.2', 'a.seed': '1', 'b.seed': '\u001b[2J' }),
    {
      ...{ member: 'x', axes: { 'train.lr': '0.3' }, run: null, seconds: 0, cost_usd: 0, suites: {} },
      state: 'failed' as const,
    },
  ];
  expect(`${sweepTable(rows, plainStyle)}\n${sweepSum(rows)}`).toMatchInlineSnapshot(`
    "lr   a.seed  b.seed  outcome           mini base          mini tuned   cost   time  run
    0.1  1       2       done     0.250 [0.10, 0.45]  0.500 [0.30, 0.70]  $0.50  3.0 s  ID
    0.2  1               done     0.250 [0.10, 0.45]               1.000     $0  3.0 s  ID
    0.3  –       –       failed                    –                   –     $0  0.0 s  –
    func-sec@1 with its 95 % interval
    3 members: 2 done, 1 failed; cost $0.50"
  `);
});

it('says that a sum holds what several used for each', async () => {
  const row = { ...(await rowWith(0.5, null, { seed: '1' })), cost_usd: 0.5 };
  expect(sweepSum([row, row])).toBe('2 members: 2 done; cost $1.00 (answers that several used count for each)');
});

it('shows as many variants as any member has', async () => {
  const row = await rowWith(0.5, null, { seed: '1' });
  const { mini } = row.suites;
  if (mini?.base === undefined) throw new Error('no figures');
  const more = { ...row, suites: { mini: { ...mini, 'base+reminder': mini.base } } };
  const [head, first, second] = sweepTable([row, more], plainStyle).split('\n');
  expect(head).toMatch(/mini base +mini tuned +mini base\+reminder/);
  expect(first).toMatch(/0\.250 \[0\.10, 0\.45\] +0\.500 +– /);
  expect(second).toMatch(/0\.250 \[0\.10, 0\.45\] +0\.500 +0\.250 \[0\.10, 0\.45\] /);
});

it('calls members by their short axes, and by their values where those are too wide', () => {
  expect(shortMembers([{ 'train.lr': '1', seed: '2' }])).toEqual(['lr=1 seed=2']);
  expect(shortMembers([{ 'a.x': '1', 'b.x': '2' }])).toEqual(['a.x=1 b.x=2']);
  expect(shortMembers([{ 'train.gradient_accumulation': '1', 'filter.min_confidence': '22' }])).toEqual(['1 22']);
});
