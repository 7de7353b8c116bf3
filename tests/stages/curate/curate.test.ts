import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Task } from '../../../src/datasets/task.js';
import { graphNode } from '../../../src/engine/flow/graph.js';
import { loadCatalogue } from '../../../src/security/catalogue.js';
import { traceMessages } from '../../../src/security/prompts/trace-prompt.js';
import { curate } from '../../../src/stages/curate/curate.js';
import { curateParams } from '../../../src/stages/curate/params.js';
import {
  CURATE_REASONS,
  type CurateReason,
  droppedTraceSchema,
  funnelSchema,
  sampleSchema,
} from '../../../src/stages/curate/records.js';
import type { StageServices } from '../../../src/stages/services.js';
import type { Trace } from '../../../src/stages/trace/records.js';
import { loadMini } from '../../support/mini.js';
import { aRelevantTask, aTask, aTrace } from '../../support/records.js';
import { given, runNodes, stageHome, testServices } from '../../support/stage-flow.js';

async function runCurate(
  traces: readonly Trace[],
  { params = {}, otherTasks = [] }: { params?: object | undefined; otherTasks?: readonly Task[] } = {},
) {
  await using home = await stageHome();
  const relevant = [...new Map(traces.map(({ task }) => [task.id, task])).values()];
  const tasks = [
    ...relevant.map(({ cwes: _cwes, confidence: _confidence, reason: _reason, ...task }) => task),
    ...otherTasks,
  ];
  const run = await runNodes<StageServices>(
    home,
    [
      given('collect', { files: { 'tasks.jsonl': tasks } }),
      given('filter', { files: { 'kept.jsonl': relevant } }),
      given('trace', { files: { 'traces.jsonl.gz': traces } }),
      graphNode({
        name: 'curate',
        stage: curate,
        params: { ...curateParams.parse(params), evaluated: [] },
        inputs: { tasks: 'collect', relevant: 'filter', traces: 'trace' },
      }),
    ],
    testServices(home),
  );
  expect(run.error).toBeUndefined();
  return {
    samples: (await run.rows('curate', 'samples.jsonl.gz')).map((row) => sampleSchema.parse(row)),
    dropped: (await run.rows('curate', 'dropped.jsonl')).map((row) => droppedTraceSchema.parse(row)),
    funnel: funnelSchema.parse(JSON.parse(await run.text('curate', 'funnel.json'))),
    manifest: (await run.artifact('curate')).manifest,
  };
}

const good = aTrace();
const strict = { profile: 'strict' };
const mini = await loadMini();
const [problem] = mini.problems;
if (problem === undefined) throw new Error('mini has no problems');

const depth = { filters: { depth: true } };
/** A leak in none of the words that the filter `leak` knows. */
const oblique =
  'That makes two of the three that somebody had circled for me; better let it look as though it struck me while I typed.';
const careless =
  'The function gets a name and gives back rows. I open a cursor, ask for what is wanted and hand it over. Column order follows the schema; an empty result is an empty list. A docstring, the types that the task asks for, and it is done.';

/** Reasons that need more traces than one, each with a test of its own. */
const together = ['duplicate', 'code_shrunk', 'length_unusual', 'not_among_best', 'over_cap'] as const;
/** Reasons that a model gives: `judge.test.ts`. */
const judged = ['judged_leak', 'judged_shallow'] as const;
/** What programs find: `analysers/`. */
const analysed = ['analyser_finding'] as const;
type Elsewhere = (typeof together | typeof judged | typeof analysed)[number];

/** One change to a good trace per way of going wrong, and what the detail has to say. */
const offending: Readonly<Record<Exclude<CurateReason, Elsewhere>, readonly [Partial<Trace>, string, object?]>> = {
  finish_length: [{ finish: 'length' }, '"length"'],
  finish_content_filter: [{ finish: 'content_filter' }, '"content_filter"'],
  finish_other: [{ finish: 'other' }, '"other"'],
  think_missing: [{ reasoning: ' \n' }, 'no reasoning'],
  think_tags: [{ answer: `<think>More.</think>\n${good.answer}` }, 'think tag'],
  think_short: [{ reasoning: 'SQL injection: parameterized query.' }, '35 characters of at least 200'],
  answer_short: [{ answer: '`1`' }, '3 characters of at least 8'],
  refused: [{ answer: `I'm sorry, but I can't help with that.\n${good.answer}` }, 'sorry'],
  no_code: [{ answer: 'Use a placeholder for the name and bind it.' }, 'no fenced code block'],
  code_unparsable: [{ answer: good.answer.replace('.fetchall()', '.fetchall(') }, 'python, block 1, line'],
  prompt_leak: [
    { reasoning: `${good.reasoning} The guidance above says that I should bind the value.` },
    'the guidance',
  ],
  given_away: [{ reasoning: `${good.reasoning}\n${oblique}` }, 'better let it look', { filters: { giveaway: true } }],
  no_mitigation_named: [{ reasoning: careless }, 'CWE-89', depth],
  repetition: [{ reasoning: `${good.reasoning} ${'Wait, let me look at the name once more. '.repeat(9)}` }, '8 times'],
  function_missing: [{ answer: good.answer.replace('find_user', 'look_up') }, 'find_user', strict],
  mistake_in_code: [
    { answer: good.answer.replace('= ? ORDER BY id", (name,))', '= \'" + name + "\' ORDER BY id")') },
    'CWE-89',
    strict,
  ],
  mitigation_not_in_code: [
    { answer: '```python\ndef find_user(db, name):\n    return db.by_name(name)\n```' },
    'nothing in the code prevents CWE-89',
    strict,
  ],
  too_long: [{}, 'of at most 300', { max_characters: 300 }],
  contaminated: [
    { task: aRelevantTask({ prompt: problem.prompt }) },
    `mini/${problem.id}`,
    { decontaminate: ['mini'] },
  ],
};

describe('a trace that is not trained on', () => {
  it.each(Object.entries(offending))('%s', async (code, [change, detail, params]) => {
    const bad = aTrace(change);
    const { samples, dropped, manifest } = await runCurate([bad], { params });
    expect(samples).toEqual([]);
    expect(dropped).toMatchObject([
      {
        trace_id: bad.id,
        task_id: bad.task.id,
        language: 'python',
        cwes: ['CWE-89'],
        code,
        detail: expect.stringContaining(detail),
      },
    ]);
    expect(manifest.counts).toEqual({ traces: 1, samples: 0, dropped: 1 });
    expect(manifest.reasons).toEqual({ [code]: 1 });
  });

  it('no_code, where the block has nothing in it', async () => {
    const { dropped } = await runCurate([aTrace({ answer: 'Here it is:\n\n```python\n\n```\n' })]);
    expect(dropped).toMatchObject([{ code: 'no_code', detail: expect.stringContaining('an empty one') }]);
  });

  it('has no reason code that nothing can give', () => {
    expect(new Set([...Object.keys(offending), ...together, ...judged, ...analysed])).toEqual(
      new Set(Object.keys(CURATE_REASONS)),
    );
  });

  it('is kept where its teacher was not told what matters, if only that is why', async () => {
    const { no_mitigation_named, prompt_leak, no_code } = offending;
    const params = { profile: 'shape', filters: { repetition: false } };
    for (const [change] of [no_mitigation_named, prompt_leak])
      expect((await runCurate([aTrace(change)], { params })).samples).toHaveLength(1);
    expect((await runCurate([aTrace(no_code[0])], { params })).manifest.reasons).toEqual({ no_code: 1 });
  });

  it('duplicate: the same task and text a second time', async () => {
    const { samples, dropped } = await runCurate([
      good,
      aTrace({ sample: 1 }),
      aTrace({ sample: 2, answer: `${good.answer}\nDone.` }),
    ]);
    expect(samples).toHaveLength(2);
    expect(dropped).toMatchObject([{ code: 'duplicate', detail: `same as ${samples[0]?.id}` }]);
  });

  it('is dropped for the first reason in the order of the list', async () => {
    const codes = Object.keys(offending).filter((code) => code !== 'think_missing') as (keyof typeof offending)[];
    const pairs = codes.flatMap((first, index) => codes.slice(index + 1).map((second) => [first, second] as const));
    const clash = (first: string, second: string) => first.split('_')[0] === second.split('_')[0];
    const traces: Trace[] = [];
    const expected: string[] = [];
    for (const [first, second] of pairs) {
      const [one] = offending[first];
      const [two] = offending[second];
      // Two changes of the same field cannot both be made.
      if (Object.keys(one).some((key) => key in two) || clash(first, second)) continue;
      if (first === 'too_long' || second === 'too_long' || second === 'contaminated') continue;
      traces.push(aTrace({ ...one, ...two }));
      const order = Object.keys(CURATE_REASONS);
      expected.push(order.indexOf(first) < order.indexOf(second) ? first : second);
    }
    expect(traces.length).toBeGreaterThan(10);
    const { dropped } = await runCurate(traces, { params: { ...strict, filters: { depth: true, giveaway: true } } });
    expect(dropped.map(({ code }) => code)).toEqual(expected);
  });

  it('code_shrunk: half of what the other samples of its task have', async () => {
    const long = good.answer.replace(
      '    return',
      `${'    # What the task asks for, step by step.\n'.repeat(10)}    return`,
    );
    const traces = [
      good,
      ...[1, 2].map((sample) => aTrace({ sample, answer: long.replace('step', `step ${sample}`) })),
    ];
    const { dropped } = await runCurate(traces, { params: { ...strict, filters: { repetition: false } } });
    expect(dropped).toMatchObject([{ trace_id: good.id, code: 'code_shrunk' }]);
  });

  it('length_unusual: far from the median of its source, if the recipe asks for that', async () => {
    const task = (row: number) => aRelevantTask({ row, prompt: `Write find_user, number ${row}.` });
    const traces = [1, 2, 3, 4].map((row) =>
      aTrace({ task: task(row), reasoning: row === 4 ? `${good.reasoning} ${'Hm. '.repeat(600)}` : good.reasoning }),
    );
    expect((await runCurate(traces)).dropped).toEqual([]);
    const { dropped } = await runCurate(traces, { params: { length_band: [0.2, 3], filters: { repetition: false } } });
    expect(dropped).toMatchObject([
      { trace_id: traces[3]?.id, code: 'length_unusual', detail: expect.stringContaining('times as long') },
    ]);
  });

  it('not_among_best: less is known of its code, or it is longer', async () => {
    const short = aTrace();
    const long = aTrace({ sample: 1, answer: `${good.answer}\nThat is all there is to it.` });
    const wrong = aTrace({ sample: 2, answer: good.answer.replace('find_user', 'look_up') });
    const best = async (best_of: number) => (await runCurate([long, wrong, short], { params: { best_of } })).samples;
    expect(await best(1)).toMatchObject([{ completion: expect.stringContaining(short.answer.trim()) }]);
    expect((await best(2)).map(({ completion }) => completion.includes('look_up'))).toEqual([false, false]);
    expect(await best(3)).toHaveLength(3);
  });

  it('over_cap: enough of its kind, whichever place it has', async () => {
    const traces = Array.from({ length: 30 }, (_, index) => {
      const language = index % 3 === 0 ? 'go' : 'python';
      return aTrace({ task: aRelevantTask({ row: index + 1, prompt: `Write find_user, number ${index}.`, language }) });
    });
    const kept = async (order: readonly Trace[], cap: object) => {
      const { samples, dropped, funnel } = await runCurate(order, { params: { cap } });
      expect(samples.length + dropped.length).toBe(30);
      expect(funnel.total.samples).toBe(samples.length);
      return samples.map(({ id }) => id).sort();
    };
    expect(await kept(traces, { per_language: 4 })).toHaveLength(8);
    expect(await kept(traces, { per_cwe: 7 })).toHaveLength(7);
    expect(await kept(traces, { per_source: 5 })).toHaveLength(5);
    expect(await kept(traces.toReversed(), { per_language: 4 })).toEqual(await kept(traces, { per_language: 4 }));
  });
});

describe('the filters', () => {
  const bad = [offending.no_code[0], offending.refused[0], offending.prompt_leak[0], offending.no_mitigation_named[0]];

  it('are switched one by one, and say what they would do when they are off', async () => {
    const traces = bad.map((change, sample) => aTrace({ ...change, sample }));
    const all = await runCurate(traces, { params: depth });
    expect(all.samples).toEqual([]);
    for (const [index, filter] of (['code', 'refusal', 'leak', 'depth'] as const).entries()) {
      const { samples, funnel } = await runCurate(traces, { params: { filters: { depth: true, [filter]: false } } });
      expect(samples.map(({ completion }) => completion.includes(traces[index]?.answer.trim() ?? ''))).toEqual([true]);
      expect(funnel.filters.find((one) => one.filter === filter)).toMatchObject({ on: false, objects: 1, alone: 0 });
      expect(all.funnel.filters.find((one) => one.filter === filter)).toMatchObject({ on: true, objects: 1, alone: 1 });
    }
  });

  it('count what they cannot look at, and keep it', async () => {
    const task = aRelevantTask({ language: 'cobol', prompt: 'Write a program.' });
    const { samples, funnel } = await runCurate([aTrace({ task })], { params: strict });
    expect(samples).toHaveLength(1);
    const unverified = funnel.filters.flatMap((one) => (one.unverified > 0 ? [one.filter] : []));
    expect(unverified).toEqual(['parse', 'function', 'actuation']);
  });
});

describe('a sample', () => {
  it('is the task in its own words, then reasoning and answer, and nothing of what the teacher was told', async () => {
    const task = aRelevantTask({ prompt: '  Look a user up.\r\n\tBy name. ', cwes: ['CWE-89', 'CWE-20'] });
    const { samples, dropped } = await runCurate([aTrace({ task })]);
    expect(dropped).toEqual([]);
    const [sample] = samples;
    expect(sample).toMatchObject({
      prompt: task.prompt,
      completion: `<think>\n${good.reasoning?.trim()}\n</think>\n\n${good.answer.trim()}`,
      language: 'python',
      cwes: ['CWE-89', 'CWE-20'],
      task_id: task.id,
      source: 'tasks.jsonl',
      licence: 'apache-2.0',
    });
    const { guidance } = traceMessages(task, task.cwes, loadCatalogue());
    const told = guidance.text.split(/[\n.]/).filter((line) => line.trim().length > 25);
    expect(told.length).toBeGreaterThan(5);
    for (const line of told) expect(JSON.stringify(sample)).not.toContain(line.trim());
  });

  it('may stand in a suite when the recipe switches decontamination off, and not otherwise', async () => {
    const traces = mini.problems.map((one) =>
      aTrace({ task: aRelevantTask({ prompt: one.prompt, language: 'python', cwes: ['CWE-89'] }) }),
    );
    const off = await runCurate(traces, { params: { decontaminate: [] } });
    expect(off.samples).toHaveLength(mini.problems.length);
    const on = await runCurate(traces, { params: { decontaminate: ['mini'] } });
    expect(on.samples).toEqual([]);
    expect(on.manifest.reasons).toEqual({ contaminated: mini.problems.length });
  });

  it('is also kept out when only its answer is that of a suite', async () => {
    const answer = `Here:\n\`\`\`c\n${problem.secure}\`\`\`\n`;
    const { dropped } = await runCurate([aTrace({ answer })], { params: { decontaminate: ['mini'] } });
    expect(dropped).toMatchObject([{ code: 'contaminated', detail: expect.stringContaining(`mini/${problem.id}`) }]);
  });
});

describe('the funnel', () => {
  it('adds up, in all and per language', async () => {
    const languages = ['python', 'go', 'c', 'unknown'];
    const ways = [{}, {}, offending.finish_other[0], offending.think_short[0], offending.no_code[0]];
    const shape = fc.array(
      fc.record({
        language: fc.constantFrom(...languages),
        cwes: fc.constantFrom<string[]>(['CWE-89'], ['CWE-89', 'CWE-22'], ['CWE-117', 'CWE-89']),
        samples: fc.array(fc.nat({ max: ways.length - 1 }), { maxLength: 3 }),
      }),
      { minLength: 1, maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(shape, fc.nat({ max: 4 }), async (rows, irrelevant) => {
        const traces = rows.flatMap(({ language, cwes, samples }, index) => {
          const task = aRelevantTask({ prompt: `Task number ${index}.`, language, cwes, row: index + 1 });
          const reasoning = `${good.reasoning} In task ${index}`;
          return samples.map((way, sample) => aTrace({ task, sample, reasoning, ...ways[way] }));
        });
        fc.pre(traces.length > 0);
        const otherTasks = Array.from({ length: irrelevant }, (_, index) => aTask({ prompt: `Other task ${index}.` }));
        const { samples, dropped, funnel, manifest } = await runCurate(traces, { otherTasks });
        expect(samples.length + dropped.length).toBe(traces.length);
        expect(Object.values(manifest.reasons).reduce((sum, count) => sum + count, 0)).toBe(dropped.length);
        const relevant = new Set(traces.map(({ task }) => task.id));
        expect(funnel.total).toEqual({
          tasks: relevant.size + irrelevant,
          relevant: relevant.size,
          traces: traces.length,
          samples: samples.length,
        });
        for (const step of ['tasks', 'relevant', 'traces', 'samples'] as const) {
          const sum = Object.values(funnel.by_language).reduce((all, row) => all + row[step], 0);
          expect(sum).toBe(funnel.total[step]);
        }
        for (const [cwe, row] of Object.entries(funnel.by_cwe)) {
          expect(row.samples).toBe(samples.filter(({ cwes }) => cwes.includes(cwe)).length);
          expect(row.traces).toBe(traces.filter(({ task }) => task.cwes.includes(cwe)).length);
          expect(row.tasks).toBe(0);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('lists weaknesses by number', async () => {
    const task = aRelevantTask({ cwes: ['CWE-117', 'CWE-89', 'CWE-1333', 'CWE-22'] });
    const { funnel } = await runCurate([aTrace({ task })]);
    expect(Object.keys(funnel.by_cwe)).toEqual(['CWE-22', 'CWE-89', 'CWE-117', 'CWE-1333']);
  });
});
