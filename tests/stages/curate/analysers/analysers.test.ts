import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildGraph, graphNode } from '../../../../src/engine/flow/graph.js';
import { planRun } from '../../../../src/engine/flow/plan.js';
import { curate } from '../../../../src/stages/curate/curate.js';
import { curateParams } from '../../../../src/stages/curate/params.js';
import {
  analysedTraceSchema,
  droppedTraceSchema,
  funnelSchema,
  type Sample,
} from '../../../../src/stages/curate/records.js';
import type { StageServices } from '../../../../src/stages/services.js';
import type { Trace } from '../../../../src/stages/trace/records.js';
import { withBandit } from '../../../support/analysers.js';
import { startOpenaiServer } from '../../../support/openai-server.js';
import { aRelevantTask, aTrace } from '../../../support/records.js';
import { given, runNodes, type StageHome, stageHome, testModel, testServices } from '../../../support/stage-flow.js';

const good = aTrace();

function answered(code: string, task: Partial<Trace['task']> = {}, change: Partial<Trace> = {}): Trace {
  const { language = 'python' } = task;
  number += 1;
  return aTrace({
    answer: `Here it is:\n\n\`\`\`${language}\n${code}\n\`\`\`\n`,
    task: aRelevantTask({ prompt: `Do the task number ${number}.`, ...task }),
    ...change,
  });
}
let number = 0;

const pasted = `def find_user(db, name):
    return db.execute("SELECT id FROM users WHERE name = '" + name + "'").fetchall()`;

function nodesOf(traces: readonly Trace[], params: object = {}) {
  return [
    given<StageServices>('collect', { files: { 'tasks.jsonl': [] } }),
    given<StageServices>('filter', { files: { 'kept.jsonl': traces.map(({ task }) => task) } }),
    given<StageServices>('trace', { files: { 'traces.jsonl.gz': traces } }),
    graphNode({
      name: 'curate',
      stage: curate,
      params: { ...curateParams.parse({ analysers: { bandit: {} }, ...params }), evaluated: [] },
      inputs: { tasks: 'collect', relevant: 'filter', traces: 'trace' },
    }),
  ];
}

const nowhere = { PATH: '/usr/bin:/bin', HOME: '/' };

async function run(
  home: StageHome,
  traces: readonly Trace[],
  params: object = {},
  services: Parameters<typeof testServices>[1] = {},
) {
  const result = await runNodes(
    home,
    nodesOf(traces, params),
    testServices(home, { programs: withBandit ?? nowhere, ...services }),
  );
  const dropped = async () =>
    (await result.rows('curate', 'dropped.jsonl')).map((row) => droppedTraceSchema.parse(row));
  const looks = async () =>
    (await result.rows('curate', 'analysed.jsonl')).map((row) => analysedTraceSchema.parse(row));
  const filter = async () =>
    funnelSchema
      .parse(JSON.parse(await result.text('curate', 'funnel.json')))
      .filters.find((one) => one.filter === 'analysers');
  return { ...result, dropped, looks, filter };
}

describe.skipIf(withBandit === undefined)('Bandit', () => {
  const traces = [
    good,
    answered(pasted),
    answered(pasted.replace('fetchall()', 'fetchall()  # nosec')),
    // It speaks of assertions, which is no matter of SQL.
    answered('def find_user(db, name):\n    assert name\n    return db.by_name(name)'),
    // Nothing of Bandit's that the catalogue lists is about these.
    answered('def find_user(db, name):\n    return db.by_name(name)', { cwes: ['CWE-1333'] }),
    answered('func find(name string) {}', { language: 'go' }),
    answered('def find_user(db, name:\n    pass'),
    answered(`def find_user(db, name):\n    return "${'x'.repeat(20_000)}"`),
  ];

  it('drops an answer for what a rule of the task’s weakness finds, whatever its comments say, and passes nothing that was not looked at', async () => {
    await using home = await stageHome();
    const { dropped, looks, filter, rows, artifact } = await run(home, traces);
    expect((await dropped()).filter(({ code }) => code === 'analyser_finding')).toMatchObject(
      [traces[1], traces[2]].map((trace) => ({
        trace_id: trace?.id,
        detail: expect.stringMatching(/^bandit B608, line 2, CWE-89: Possible SQL injection/),
      })),
    );
    const samples = await rows<Sample>('curate', 'samples.jsonl.gz');
    expect(samples.map(({ task_id }) => task_id)).toEqual([0, 3, 4, 5, 7].map((index) => traces[index]?.task.id));
    const said = (await looks()).map(({ trace_id, looks: [look] }, index) => {
      expect(trace_id).toBe(traces[index]?.id);
      return [look?.verdict, look?.why];
    });
    expect(said).toEqual([
      ['pass', null],
      ['finding', null],
      ['finding', null],
      ['pass', null],
      ['unverified', 'it has no rule for CWE-1333'],
      ['unverified', 'it does not read go'],
      ['unverified', 'syntax error while parsing AST from file'],
      ['unverified', 'the code is longer than 20000 characters'],
    ]);
    expect((await looks())[3]?.looks[0]?.findings).toMatchObject([{ rule: 'B101', line: 2, cwes: [] }]);
    expect(await filter()).toEqual({ filter: 'analysers', on: true, objects: 2, alone: 2, unverified: 4 });
    const { preimage, tools } = (await artifact('curate')).manifest;
    expect(tools).toEqual({ bandit: expect.stringMatching(/^1\.\d+\.\d+ with Python 3\./) });
    expect(preimage).toMatchObject({ pins: { analysers: tools } });
  });

  it('only counts where its filter is off', async () => {
    await using home = await stageHome();
    const { dropped, filter } = await run(home, traces, { filters: { analysers: false } });
    expect((await dropped()).map(({ code }) => code)).toEqual(['code_unparsable']);
    expect(await filter()).toEqual({ filter: 'analysers', on: false, objects: 2, alone: 0, unverified: 4 });
  });

  it('says the same of each trace however many there are', async () => {
    await using home = await stageHome();
    const many = Array.from({ length: 403 }, (_, index) =>
      index % 67 === 0 ? answered(pasted) : aTrace({ task: aRelevantTask({ prompt: `Number ${index}.` }) }),
    );
    const { looks, dropped } = await run(home, many);
    expect((await looks()).map(({ trace_id }) => trace_id)).toEqual(many.map(({ id }) => id));
    expect((await dropped()).map(({ trace_id }) => trace_id)).toEqual(
      many.filter((_, index) => index % 67 === 0).map(({ id }) => id),
    );
  });

  it('comes before the judge, which is not asked about what it drops', async () => {
    await using home = await stageHome();
    await using server = await startOpenaiServer(() => ({
      kind: 'answer',
      content: '{"told": false, "told_because": "No.", "thought_through": true, "thought_because": "Yes."}',
    }));
    const { artifact } = await run(
      home,
      [answered(pasted), good],
      { judge: { by: 'small' } },
      { specs: { small: testModel({ endpoint: server.url }) } },
    );
    expect((await artifact('curate')).manifest.counts).toMatchObject({ traces: 2, samples: 1, judged: 1 });
    expect(server.received).toHaveLength(1);
  });

  it('judges anew with another version of it, and not with the same', async () => {
    await using home = await stageHome();
    const bin = join(home.folder, 'bin');
    await mkdir(bin);
    const real = withBandit?.PATH ?? '';
    await writeFile(
      join(bin, 'bandit'),
      `#!/bin/sh\n[ "$1" = --version ] || PATH=${real} exec bandit "$@"\nprintf 'bandit 0.9\\n  python version = 3.9\\n'\n`,
    );
    await chmod(join(bin, 'bandit'), 0o755);
    const older = { programs: { PATH: `${bin}:${real}`, HOME: '/' } };
    expect((await run(home, traces)).outcomeOf('curate')).toBe('done');
    expect((await run(home, traces)).outcomeOf('curate')).toBe('cached');
    const again = await run(home, traces, {}, older);
    expect(again.outcomeOf('curate')).toBe('done');
    expect((await again.artifact('curate')).manifest.tools).toEqual({ bandit: '0.9 with Python 3.9' });
  });
});

describe('an analyser that is not there', () => {
  const missing = { programs: nowhere };

  it('ends the run before anything is made, and a plan says so', async () => {
    await using home = await stageHome();
    const { error, outcomeOf } = await run(home, [good], {}, missing);
    expect(error).toMatchObject({ code: 'curate/no-analyser', hint: expect.stringContaining('pipx install bandit') });
    expect(outcomeOf('collect')).not.toBe('done');
    const services = testServices(home, missing);
    const plan = await planRun({
      graph: buildGraph(nodesOf([good])),
      state: home.state,
      seed: 3,
      services,
      signal: new AbortController().signal,
    });
    expect(plan.at(-1)).toMatchObject({ estimate: { refusal: { code: 'curate/no-analyser' } } });
  });

  it('leaves all code unverified where the recipe says so, aloud', async () => {
    await using home = await stageHome();
    const params = { analysers: { bandit: { on_missing: 'unverified' } } };
    const { filter, events, artifact, rows } = await run(home, [good, answered(pasted)], params, missing);
    expect(await rows('curate', 'samples.jsonl.gz')).toHaveLength(2);
    expect(await filter()).toEqual({ filter: 'analysers', on: true, objects: 0, alone: 0, unverified: 2 });
    const warnings = events.filter((event) => event.type === 'log' && event.level === 'warn');
    expect(warnings).toMatchObject([{ message: 'bandit is not on this machine: it has looked at no code' }]);
    expect((await artifact('curate')).manifest.preimage).toMatchObject({ pins: { analysers: { bandit: null } } });
  });

  it('is in no figures of a recipe that names none', async () => {
    await using home = await stageHome();
    const { filter, artifact } = await run(home, [good], { analysers: undefined }, missing);
    expect(await filter()).toBeUndefined();
    expect((await artifact('curate')).manifest.preimage).not.toHaveProperty('pins.analysers');
  });
});
