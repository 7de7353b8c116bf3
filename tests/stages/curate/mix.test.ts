import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { graphNode } from '../../../src/engine/flow/graph.js';
import { openHub } from '../../../src/hub/open-hub.js';
import { curate } from '../../../src/stages/curate/curate.js';
import { Draw } from '../../../src/stages/curate/mix/draw.js';
import { mixSize } from '../../../src/stages/curate/mix/mix.js';
import { curateParams } from '../../../src/stages/curate/params.js';
import { droppedMixRowSchema, funnelSchema, sampleSchema } from '../../../src/stages/curate/records.js';
import type { StageServices } from '../../../src/stages/services.js';
import type { Trace } from '../../../src/stages/trace/records.js';
import { type HubServer, startHubServer, WRITE_TOKEN } from '../../support/hub-server.js';
import { loadMini } from '../../support/mini.js';
import { aRelevantTask, aTrace } from '../../support/records.js';
import { given, runNodes, type StageHome, stageHome, testServices } from '../../support/stage-flow.js';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';

const loaded = await loadMini();

interface MixRun {
  readonly traces?: readonly Trace[];
  readonly params?: object;
  readonly evaluated?: readonly string[];
  readonly seed?: number;
  readonly home?: StageHome;
  readonly services?: Partial<StageServices>;
}

async function runMix(mix: object | undefined, options: MixRun = {}) {
  await using own = options.home === undefined ? await stageHome() : undefined;
  const home = options.home ?? (own as StageHome);
  const { traces = tracesOf(8), seed = 3 } = options;
  const run = await runNodes<StageServices>(
    home,
    [
      given('collect', { files: { 'tasks.jsonl': [] } }),
      given('filter', { files: { 'kept.jsonl': [] } }),
      given('trace', { files: { 'traces.jsonl.gz': traces } }),
      graphNode({
        name: 'curate',
        stage: curate,
        params: { ...curateParams.parse({ ...options.params, mix }), evaluated: [...(options.evaluated ?? [])] },
        inputs: { tasks: 'collect', relevant: 'filter', traces: 'trace' },
      }),
    ],
    testServices(home, options.services),
    { seed },
  );
  const stage = run.outcomeOf('curate');
  if (stage !== 'done' && stage !== 'cached') return { run, stage, error: run.error, ...nothing };
  const all = (await run.rows('curate', 'samples.jsonl.gz')).map((row) => sampleSchema.parse(row));
  return {
    run,
    stage,
    error: run.error,
    all,
    mixed: all.filter(({ cwes }) => cwes.length === 0),
    dropped: mix === undefined ? [] : (await run.rows('curate', 'mix-dropped.jsonl')).map(parseDropped),
    funnel: funnelSchema.parse(JSON.parse(await run.text('curate', 'funnel.json'))),
    manifest: (await run.artifact('curate')).manifest,
  };
}
const nothing = { all: [], mixed: [], dropped: [], funnel: undefined, manifest: undefined };
const parseDropped = (row: unknown) => droppedMixRowSchema.parse(row);

const tracesOf = (number: number) =>
  Array.from({ length: number }, (_, row) =>
    aTrace({ task: aRelevantTask({ row: row + 1, prompt: `Write find_user, number ${row}.` }) }),
  );

const reasoning = (what: string) =>
  `The task is about ${what}. A loop over the items would do, but a comprehension says it in one line, and an empty list has to give an empty list. I check that the order stays as it was, and that nothing of the caller is changed on the way.`;
const code = '```python\ndef chosen(items):\n    return [item for item in items if item]\n```';

/** Rows as public datasets of traces have them: a chat, whose answer begins with what was thought. */
const chats = (number: number) => Array.from({ length: number }, (_, index) => chat(`heap number ${index}`));
const chat = (what: string, answer = code) => ({
  messages: [
    { role: 'user', content: `Write a Python function that chooses the items of ${what}.` },
    { role: 'assistant', content: `<think>\n${reasoning(what)}\n</think>\n\n${answer}` },
  ],
});
const lines = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const ids = (samples: readonly { readonly id: string }[]) => samples.map(({ id }) => id);

async function mixOf(folder: TemporaryFolder, rows: readonly unknown[], more: object = {}, share = 0.2) {
  const file = await folder.write('ordinary.jsonl', lines(rows));
  return { share, sources: [{ file, prompt: 'messages', licence: 'apache-2.0', ...more }] };
}

describe('a draw', () => {
  const keys = fc.uniqueArray(fc.nat().map(String), { maxLength: 60 });

  it('has the smallest keys, in whatever order they come, and no key twice', () => {
    fc.assert(
      fc.property(keys, fc.integer({ min: 1, max: 20 }), (all, size) => {
        const draw = new Draw(size);
        for (const [number, key] of [...all, ...all].entries()) if (draw.stateOf(key) === 'open') draw.put(key, number);
        const smallest = all.toSorted().slice(0, size);
        expect([...draw.drawn].map((number) => all[number]).toSorted()).toEqual(smallest);
      }),
    );
  });

  it('says that a key is there, and that too many came before one', () => {
    const draw = new Draw(2);
    for (const key of ['a', 'b', 'c', 'd']) draw.put(key, 0);
    expect(['a', 'aa', 'c'].map((key) => draw.stateOf(key))).toEqual(['taken', 'open', 'late']);
  });
});

describe('the share', () => {
  it('is met to half a sample, for any number of samples', () => {
    const share = fc.double({ min: 0.001, max: 0.95, noNaN: true });
    fc.assert(
      fc.property(share, fc.nat({ max: 100_000 }), (wanted, others) => {
        const size = mixSize(wanted, others);
        // Half a sample, and what floating point makes of large numbers.
        expect(Math.abs(size - wanted * (size + others))).toBeLessThan(0.5 + 1e-6);
      }),
    );
    expect([4, 8, 400, 1].map((others) => mixSize(0.2, others))).toEqual([1, 2, 100, 0]);
  });

  it('is one of what is left after caps', async () => {
    await using folder = await temporaryFolder();
    const mix = await mixOf(folder, chats(40), {}, 0.5);
    for (const [cap, others] of [
      [{ per_language: 5 }, 5],
      [undefined, 8],
    ] as const) {
      const { all, mixed, funnel, manifest } = await runMix(mix, { params: { cap } });
      expect([all.length, mixed.length]).toEqual([2 * others, others]);
      expect(funnel?.total.samples).toBe(others);
      expect(funnel?.mix).toEqual({
        share: 0.5,
        rows: 40,
        samples: others,
        by_language: { python: others },
        dropped: {},
      });
      expect(manifest?.counts).toEqual({ traces: 8, samples: 2 * others, dropped: 8 - others, mixed: others });
    }
  });

  it.each(['constructor', 'toString'])('counts rows whose language is called %s', async (language) => {
    await using folder = await temporaryFolder();
    const rows = chats(8).map((row) => ({ ...row, language }));
    const { funnel } = await runMix(await mixOf(folder, rows, { language: 'language' }, 0.5));
    expect(Object.entries(funnel?.mix?.by_language ?? {})).toEqual([[language.toLowerCase(), 8]]);
  });

  it('is an error with the numbers where too few rows are fit', async () => {
    await using folder = await temporaryFolder();
    const rows = [...chats(3), ...Array.from({ length: 4 }, (_, index) => ({ messages: `No answer to ${index}.` }))];
    const { error, stage } = await runMix(await mixOf(folder, rows, {}, 0.5));
    expect(stage).toBe('failed');
    expect(error).toMatchObject({
      code: 'curate/mix-too-small',
      message:
        'a share of 0.5 beside 8 samples takes 8 rows of the mix, and of 7 3 are fit to train on (dropped: 4 × bad_row)',
      hint: expect.stringContaining('`share: 0.272`'),
    });
    const less = await runMix(await mixOf(folder, rows, {}, 0.272));
    expect(less.mixed).toHaveLength(3);
  });

  it('of nothing is nothing', async () => {
    await using folder = await temporaryFolder();
    const { all, funnel } = await runMix(await mixOf(folder, chats(3)), { traces: [aTrace({ finish: 'length' })] });
    expect(all).toEqual([]);
    expect(funnel?.mix).toMatchObject({ rows: 0, samples: 0 });
  });
});

describe('which rows', () => {
  it('follows from the seed, not from their order; another seed takes others, and a larger share more', async () => {
    await using folder = await temporaryFolder();
    const rows = chats(60);
    const of = async (given: readonly unknown[], share: number, seed: number) =>
      runMix(await mixOf(folder, given, {}, share), { seed });
    const [first, again, turned, other, larger] = [
      await of(rows, 0.5, 1),
      await of(rows, 0.5, 1),
      await of(rows.toReversed(), 0.5, 1),
      await of(rows, 0.5, 2),
      await of(rows, 0.7, 1),
    ];
    expect(again.manifest?.digest).toBe(first.manifest?.digest);
    expect(ids(turned.mixed).toSorted()).toEqual(ids(first.mixed).toSorted());
    expect(ids(other.mixed).toSorted()).not.toEqual(ids(first.mixed).toSorted());
    expect(ids(larger.mixed)).toEqual(expect.arrayContaining(ids(first.mixed)));
    expect(larger.mixed.length).toBeGreaterThan(first.mixed.length);
  });

  it('are one of each task, and none of a task that a trace has, whatever its language is said to be', async () => {
    await using folder = await temporaryFolder();
    const own = { messages: [{ role: 'user', content: ' Write find_user, number 3.\n' }, chat('it').messages[1]] };
    const rows = [own, ...chats(4), ...chats(4).map(({ messages }) => ({ messages, lang: 'go' }))];
    const { mixed, dropped } = await runMix(await mixOf(folder, rows, { language: 'lang' }, 0.33));
    expect(new Set(mixed.map(({ prompt }) => prompt)).size).toBe(4);
    expect(dropped.map(({ row, code: why }) => [row, why])).toEqual([1, 6, 7, 8, 9].map((row) => [row, 'duplicate']));
    expect((await runMix(await mixOf(folder, rows, {}, 0.4))).error?.code).toBe('curate/mix-too-small');
  });
});

describe('a task that is like one of ours', () => {
  it('is not taken from the mix, and it is said which one it is like; a recipe may take it all the same', async () => {
    await using folder = await temporaryFolder();
    const asked = (what: string) =>
      `Our shop keeps its orders in a database of its own. Write a Python function find_orders that returns ${what}, sorted by their date, as a list of dictionaries.`;
    const ours = aTrace({
      task: aRelevantTask({ prompt: asked('all orders of a customer whose name somebody types in') }),
    });
    const theirs = chat('it').messages[1];
    const rows = [
      {
        messages: [{ role: 'user', content: asked('every order of a customer whose name somebody types in') }, theirs],
      },
      ...chats(3),
    ];
    const run = async (more: object) =>
      runMix({ ...(await mixOf(folder, rows, {}, 0.5)), ...more }, { traces: [ours, ...tracesOf(1)] });
    const careful = await run({});
    expect(careful.mixed.map(({ prompt }) => prompt)).not.toContain(rows[0]?.messages[0]?.content);
    expect(careful.dropped).toEqual([
      expect.objectContaining({
        row: 1,
        code: 'near_duplicate',
        detail: expect.stringContaining(` like ${ours.task.id},`),
      }),
    ]);
    expect((await run({ near_duplicates: false })).dropped).toEqual([]);
    expect((await run({ near_duplicates: 0.99 })).dropped).toEqual([]);
  });
});

describe('a row', () => {
  it('is a sample as any other: reasoning before or beside the answer, its licence, and no weakness', async () => {
    await using folder = await temporaryFolder();
    const thought = reasoning('a queue');
    const completion = `<think>\n${thought}\n</think>\n\n${code}`;
    const written = [
      [chat('a queue'), { prompt: 'messages' }],
      [
        { q: 'Write it.', meta: { said: code, thought: [thought] } },
        { prompt: 'q', answer: 'meta.said', reasoning: 'meta.thought.0' },
      ],
      [
        { q: 'Write it.', a: `${thought}</think>${code}` },
        { prompt: 'q', answer: 'a' },
      ],
    ] as const;
    for (const [row, columns] of written) {
      const mix = await mixOf(folder, [{ ...row, rights: 'MIT' }], {
        ...columns,
        licence_column: 'rights',
        name: 'ours',
      });
      const { mixed } = await runMix(mix, { traces: tracesOf(4) });
      expect(mixed).toMatchObject([{ completion, language: 'python', cwes: [], source: 'ours', licence: 'mit' }]);
    }
    const proof = {
      messages: [{ role: 'user', content: 'Is 7 a prime number?' }, chat('primes', 'Yes, it is.').messages[1]],
    };
    const { mixed } = await runMix(await mixOf(folder, [proof]), { traces: tracesOf(4) });
    expect(mixed).toMatchObject([{ prompt: 'Is 7 a prime number?', language: 'unknown' }]);
  });

  const [problem] = loaded.problems;
  const chatOf = (prompt: string, answer = code) => ({
    messages: [{ role: 'user', content: prompt }, chat('a stack', answer).messages[1]],
  });
  const unfit: Readonly<Record<string, object>> = {
    bad_row: { messages: [{ role: 'user', content: 'Write it.' }] },
    placeholder: chatOf('N/A'),
    think_missing: { messages: [chat('a bag').messages[0], { role: 'assistant', content: code }] },
    think_short: { messages: [chat('a bag').messages[0], { role: 'assistant', content: `<think>Hm.</think>${code}` }] },
    think_tags: chat('a bag', `${code}\n<think>`),
    answer_short: chat('a bag', '1'),
    refused: chat('a bag', "I'm sorry, but I can't help with that."),
    code_unparsable: chat('a bag', code.replace('[item', '[[item')),
    repetition: chat('a bag', `${code}\n${'Wait, let me look at the items once more. '.repeat(9)}`),
    too_long: chat('a bag', `${code}\n${Array.from({ length: 20_000 }, (_, word) => word).join(' ')}`),
    contaminated: chatOf(problem?.prompt ?? ''),
    denied_licence: { ...chat('a bag'), rights: 'CC BY-NC 4.0' },
  };

  it('that is not fit is dropped and kept aside, with its reason', async () => {
    await using folder = await temporaryFolder();
    const rows = [...Object.values(unfit), chat('a list')];
    const mix = await mixOf(folder, rows, { licence_column: 'rights' });
    const { mixed, dropped, funnel } = await runMix(
      { ...mix, deny_licences: ['cc-by-nc'] },
      { traces: tracesOf(4), params: { decontaminate: ['mini'] } },
    );
    expect(mixed).toMatchObject([{ prompt: expect.stringContaining('a list') }]);
    const codes = Object.keys(unfit);
    expect(dropped.map(({ row, code: why }) => [row, why])).toEqual(codes.map((why, index) => [index + 1, why]));
    expect(new Set(dropped.map(({ source, file }) => `${source} ${file}`))).toEqual(
      new Set(['ordinary.jsonl ordinary.jsonl']),
    );
    expect(funnel?.mix?.dropped).toEqual(Object.fromEntries(codes.map((why) => [why, 1])));
  });

  it('is looked at by the filters that the recipe has switched on, and never for security', async () => {
    await using folder = await temporaryFolder();
    const careless =
      '```python\ndef find(db, name):\n    return db.execute("SELECT * FROM t WHERE n = \'" + name + "\'")\n```';
    const told = chat('a list that the guidance above names', careless);
    const params = { profile: 'strict', filters: { depth: true } };
    const { mixed } = await runMix(await mixOf(folder, [told]), { params, traces: tracesOf(4) });
    expect(mixed).toHaveLength(1);
    const short = { messages: [chat('a').messages[0], { role: 'assistant', content: `<think>Hm.</think>${code}` }] };
    const off = { filters: { think: false } };
    expect((await runMix(await mixOf(folder, [short]), { params: off, traces: tracesOf(4) })).mixed).toHaveLength(1);
  });

  it('that is of a suite ends the run before the training, whichever filters were on', async () => {
    await using folder = await temporaryFolder();
    const { error } = await runMix(await mixOf(folder, [chatOf(problem?.prompt ?? '')]), {
      traces: tracesOf(4),
      evaluated: ['mini'],
    });
    expect(error).toMatchObject({
      code: 'curate/benchmark-in-samples',
      message: expect.stringContaining('mini (1 of 5 samples'),
    });
  });
});

describe('a mix from the Hub', () => {
  const hubOf = (server: HubServer): Partial<StageServices> => ({
    hub: openHub({ hubUrl: server.url, token: WRITE_TOKEN, redact: (text) => text }),
  });
  const mix = { share: 0.5, sources: [{ hub: 'org/ordinary', prompt: 'messages' }] };

  it('is pinned to a commit, and made again after a push', async () => {
    await using server = await startHubServer();
    await using home = await stageHome();
    const run = (seed = 3) => runMix(mix, { home, services: hubOf(server), seed });
    const commit = server.commit('dataset', 'org/ordinary', { 'a.jsonl': lines(chats(20)) });
    const first = await run();
    expect(first.manifest?.preimage).toMatchObject({ seed: 3, pins: { mix: [{ name: 'org/ordinary', commit }] } });
    expect((await run()).stage).toBe('cached');
    expect((await run(4)).stage).toBe('done');
    server.commit('dataset', 'org/ordinary', { 'a.jsonl': lines(chats(30)) });
    expect((await run()).funnel?.mix?.rows).toBe(30);
  });

  it('that was cut off goes on from there, with the same bytes', async () => {
    await using server = await startHubServer();
    server.commit('dataset', 'org/ordinary', { 'a.jsonl': lines(chats(20)), 'b.jsonl': lines(chats(60).slice(20)) });
    await using whole = await stageHome();
    const first = await runMix(mix, { home: whole, services: hubOf(server) });
    const fetched = server.count('resolve');
    await using home = await stageHome();
    // Behind two looks at the beginning, and one of the two files.
    server.fail('resolve', { kind: 'status', status: 404 }, { skip: 3 });
    expect((await runMix(mix, { home, services: hubOf(server) })).stage).toBe('failed');
    const before = server.count('resolve');
    const resumed = await runMix(mix, { home, services: hubOf(server) });
    expect(resumed.manifest?.digest).toBe(first.manifest?.digest);
    expect(server.count('resolve') - before).toBe(fetched - 1);
  });
});

describe('before a teacher is asked', () => {
  const ready = async (source: object) => {
    await using home = await stageHome();
    const params = { ...curateParams.parse({ mix: { share: 0.2, sources: [source] } }), evaluated: [] };
    await curate.ready?.({ params, services: testServices(home), signal: new AbortController().signal });
  };

  it('a source is looked at: whether it is there, and has tasks with answers', async () => {
    await using folder = await temporaryFolder();
    const file = await folder.write('a.jsonl', lines(chats(2)));
    await ready({ file });
    await expect(ready({ file: `${folder.path}/no.jsonl` })).rejects.toThrow('no.jsonl');
    await expect(ready({ file, prompt: 'messages', answer: 'text' })).resolves.toBeUndefined();
    const bare = await folder.write('b.jsonl', lines([{ prompt: 'Write it.' }]));
    await expect(ready({ file: bare })).rejects.toMatchObject({
      code: 'curate/mix-without-answers',
      message: expect.stringContaining('the first has no answer'),
    });
    await expect(ready({ file: await folder.write('c.jsonl', '') })).rejects.toThrow('it has no rows');
  });
});

describe('without a mix', () => {
  it('nothing of one stands in what is made, nor in its fingerprint', async () => {
    const { all, funnel, manifest } = await runMix(undefined);
    expect(all).toHaveLength(8);
    expect(JSON.stringify(manifest?.preimage)).not.toMatch(/mix|"seed":3/);
    expect(manifest?.counts).toEqual({ traces: 8, samples: 8, dropped: 0 });
    expect(manifest?.outputs.map(({ path }) => path).toSorted()).toEqual([
      'dropped.jsonl',
      'funnel.json',
      'samples.jsonl.gz',
    ]);
    expect(funnel).not.toHaveProperty('mix');
  });
});
