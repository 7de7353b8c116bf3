import { readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { execa } from 'execa';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import { sha256Json } from '../../../src/base/hash.js';
import { taskSchema } from '../../../src/datasets/task.js';
import { graphNode } from '../../../src/engine/flow/graph.js';
import { openHub } from '../../../src/hub/open-hub.js';
import { collect, collectParams } from '../../../src/stages/collect/collect.js';
import { droppedRowSchema } from '../../../src/stages/collect/records.js';
import type { StageServices } from '../../../src/stages/services.js';
import type { Suite } from '../../../src/suites/suite.js';
import { type HubServer, startHubServer, WRITE_TOKEN } from '../../support/hub-server.js';
import { runNodes, type StageHome, stageHome, testServices } from '../../support/stage-flow.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

async function runCollect(
  home: StageHome,
  params: object,
  services: Partial<StageServices> = {},
  options: { readonly seed?: number } = {},
) {
  const node = graphNode({ name: 'collect', stage: collect, params: collectParams.parse(params), inputs: {} });
  const run = await runNodes<StageServices>(home, [node], testServices(home, services), options);
  return {
    ...run,
    stage: run.outcomeOf('collect'),
    logs: run.events.flatMap((event) => (event.type === 'log' ? [event.message] : [])),
    tasks: async () => (await run.rows('collect', 'tasks.jsonl')).map((row) => taskSchema.parse(row)),
    dropped: async () => (await run.rows('collect', 'dropped.jsonl')).map((row) => droppedRowSchema.parse(row)),
    manifest: async () => (await run.artifact('collect')).manifest,
  };
}

const prompts = [
  'Write a Python function that returns the rows of a CSV file as dictionaries.',
  'Write a C function that copies a name into a fixed buffer.',
  'Write a Go handler that redirects to the page named in the query.',
  'Write a JavaScript function that renders a comment as HTML.',
];
const lines = (rows: readonly unknown[]) =>
  rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row))).join('\n');

function parquetOf(rows: readonly { readonly problem: string; readonly lang: string }[]): Buffer {
  const column = (name: 'problem' | 'lang') => ({ name, data: rows.map((row) => row[name]), type: 'STRING' as const });
  return Buffer.from(parquetWriteBuffer({ columnData: [column('problem'), column('lang')] }));
}

describe('local files', () => {
  it('joins JSON, JSON Lines and Parquet into one list, each with its own columns', async () => {
    await using home = await stageHome();
    await using folder = await temporaryFolder();
    const [a = '', b = '', c = '', d = ''] = prompts;
    const sources = [
      {
        file: await folder.write('a.json', JSON.stringify([{ instruction: a, input: 'With a header.' }])),
        prompt: ['instruction', 'input'],
      },
      { file: await folder.write('b.jsonl', lines([{ prompt: b }, { prompt: c }])), licence: 'mit', name: 'our own' },
      {
        file: await folder.write('c.parquet', parquetOf([{ problem: d, lang: 'JS' }])),
        prompt: 'problem',
        language: 'lang',
      },
    ];
    const run = await runCollect(home, { sources });
    expect(run.error).toBeUndefined();
    expect(
      (await run.tasks()).map(({ prompt, language, source, row, licence }) => [prompt, language, source, row, licence]),
    ).toEqual([
      [`${a}\n\nWith a header.`, 'python', 'a.json', 1, null],
      [b, 'c', 'our own', 1, 'mit'],
      [c, 'go', 'our own', 2, 'mit'],
      [d, 'javascript', 'c.parquet', 1, null],
    ]);
    expect((await run.manifest()).counts).toEqual({ rows: 4, tasks: 4, dropped: 0 });
  });

  it('gives the same bytes wherever the files lie, and notices when one changes', async () => {
    await using home = await stageHome();
    await using here = await temporaryFolder();
    await using there = await temporaryFolder();
    const rows = lines(prompts.map((prompt) => ({ prompt })));
    const at = async (folder: typeof here, text: string) => ({
      sources: [{ file: await folder.write('t.jsonl', text) }],
    });
    const first = await runCollect(home, await at(here, rows));
    const moved = await runCollect(home, await at(there, rows));
    expect([first.stage, moved.stage]).toEqual(['done', 'cached']);
    const changed = await runCollect(home, await at(there, `${rows}\n{"prompt":"Write a Rust parser for dates."}`));
    expect(changed.stage).toBe('done');
    expect((await changed.tasks()).length).toBe(5);
  });

  it('says that a file is missing, is no data, or holds no tasks', async () => {
    await using folder = await temporaryFolder();
    const failure = async (file: string, more: object = {}) => {
      await using home = await stageHome();
      const { exitCode, error } = await runCollect(home, { sources: [{ file, ...more }] });
      expect(exitCode).not.toBe(0);
      return error?.code;
    };
    expect(await failure(await folder.write('a.csv', 'prompt\nx'))).toBe('datasets/unknown-format');
    expect(await failure(await folder.write('b.json', '{'))).toBe('datasets/not-json');
    expect(await failure(await folder.write('c.jsonl', '{"prompt":"x y z"}'), { prompt: 'problem' })).toBe(
      'collect/no-tasks',
    );
    expect(await failure(await folder.write('d.jsonl', ''))).toBe('collect/no-tasks');
  });
});

describe('no task at all', () => {
  it.each([
    ['other languages', { languages: ['pyhton'] }, '4 fell to `collect.languages`', 'Only pyhton is kept'],
    [
      'denied licences',
      { deny_licences: ['none'] },
      '4 fell to `collect.deny_licences`',
      'Denied are none. `none` denies',
    ],
    ['no prompts', {}, '3 fell as `bad_row`, 1 had no prompt', 'Check the column names'],
  ])('is told by the rule that the rows fell to: %s', async (name, rules, why, hint) => {
    await using home = await stageHome();
    await using folder = await temporaryFolder();
    const rows = name === 'no prompts' ? [{ prompt: null }, {}, {}, '['] : prompts.map((prompt) => ({ prompt }));
    const file = await folder.write('t.jsonl', lines(rows));
    const { error } = await runCollect(home, { sources: [{ file, prompt: 'prompt' }], ...rules });
    expect(error).toMatchObject({
      ...{ code: 'collect/no-tasks', message: `none of 4 rows is a task: ${why}` },
      hint: expect.stringContaining(hint),
    });
  });

  it.each([
    ['a.jsonl', ''],
    ['a.jsonl', '\ufeff'],
    ['a.json', '[]'],
    ['a.parquet', parquetOf([])],
  ])('is told apart from no rows at all: %s', async (name, content) => {
    await using home = await stageHome();
    await using folder = await temporaryFolder();
    const { error } = await runCollect(home, { sources: [{ file: await folder.write(name, content) }] });
    expect(error).toMatchObject({
      ...{ code: 'collect/no-tasks', message: `there are no rows in ${name}` },
      hint: 'The files are empty or hold an empty list. `secpi data peek` shows what there is.',
    });
  });
});

describe('columns', () => {
  it('are guessed where none is named, and said', async () => {
    await using home = await stageHome();
    await using folder = await temporaryFolder();
    const rows = prompts.map((instruction) => ({ instruction, input: '', output: 'x', lang: 'Go', license: 'MIT' }));
    const file = await folder.write('t.jsonl.gz', gzipSync(lines(rows)));
    const run = await runCollect(home, { sources: [{ file, licence: 'apache-2.0' }] });
    expect((await run.tasks()).map(({ prompt, language, licence }) => [prompt, language, licence])).toEqual(
      prompts.map((prompt) => [prompt, 'go', 'mit']),
    );
    expect(run.logs).toEqual([
      't.jsonl.gz: guessed columns { prompt: [instruction, input], language: lang, answer: output, licence_column: license }; name them in the recipe if that is wrong',
    ]);
    const named = await runCollect(home, { sources: [{ file, prompt: 'instruction' }] });
    expect(named.logs).toEqual([]);
    expect((await named.tasks()).map(({ language, licence }) => [language, licence])).toEqual(
      ['python', 'c', 'go', 'javascript'].map((language) => [language, null]),
    );
  });

  it('end the stage when none looks like a task, with what there is', async () => {
    await using home = await stageHome();
    await using folder = await temporaryFolder();
    const file = await folder.write('t.jsonl', lines(prompts.map((_, index) => ({ index, input: '-' }))));
    const run = await runCollect(home, { sources: [{ file }] });
    expect(run.error).toMatchObject({
      code: 'datasets/no-prompt-column',
      message: 'no column of t.jsonl looks like a task (it has index, input)',
    });
  });
});

describe('what a source names', () => {
  it('is warned of where no row has it', async () => {
    await using home = await stageHome();
    await using folder = await temporaryFolder();
    const file = await folder.write('t.jsonl', lines([{ prompt: prompts[0] }, { prompt: prompts[1], lang: 'c' }]));
    const run = await runCollect(home, {
      sources: [{ file, prompt: ['prompt', 'input'], language: 'lang', answer: 'nope' }],
    });
    expect(run.outcome).toBe('done');
    expect(run.logs).toEqual([
      't.jsonl: no row has the column "input" that `prompt` names',
      't.jsonl: no row has the column "nope" that `answer` names',
    ]);
    expect(run.events.filter((event) => event.type === 'log').map(({ level }) => level)).toEqual(['warn', 'warn']);
  });

  it('is a file, or a link to one, and nothing that would be waited for', async () => {
    await using home = await stageHome();
    await using folder = await temporaryFolder();
    const file = await folder.write('t.jsonl', lines([{ prompt: prompts[0] }]));
    const [link, pipe] = [join(folder.path, 'link.jsonl'), join(folder.path, 'pipe.jsonl')];
    await symlink(file, link);
    await execa('mkfifo', [pipe]);
    expect((await runCollect(home, { sources: [{ file: link }] })).outcome).toBe('done');
    const { error } = await runCollect(home, { sources: [{ file: pipe }] });
    expect(error).toMatchObject({ code: 'datasets/not-a-file', message: `${pipe} is no file but a named pipe` });
  });
});

describe('licences', () => {
  it('drop the rows that are under a denied one', async () => {
    await using home = await stageHome();
    await using folder = await temporaryFolder();
    const licences = ['mit', 'CC BY-NC 4.0', null, 'cc-by-4.0'];
    const rows = prompts.map((prompt, index) => ({ prompt, licence: licences[index] }));
    const file = await folder.write('t.jsonl', lines(rows));
    const run = await runCollect(home, { sources: [{ file }], deny_licences: ['cc-by-nc', 'none'] });
    expect((await run.tasks()).map(({ row, licence }) => [row, licence])).toEqual([
      [1, 'mit'],
      [4, 'cc-by-4.0'],
    ]);
    expect((await run.dropped()).map(({ row, code, detail }) => [row, code, detail])).toEqual([
      [2, 'denied_licence', 'cc-by-nc-4.0 is among collect.deny_licences'],
      [3, 'denied_licence', 'no licence is among collect.deny_licences'],
    ]);
  });
});

describe('a part of the rows', () => {
  /** Tasks that are no copies of each other, and two that are. */
  const texts = Array.from(
    { length: 60 },
    (_, n) =>
      sha256Json(n)
        .slice(0, 40)
        .match(/.{1,4}/g)
        ?.join(' ') ?? '',
  );
  const rows = [...texts, `${texts[0]} more`, texts[1]].map((prompt) => ({ prompt }));

  it('ends at the limit, over all files and after the sample', async () => {
    await using home = await stageHome();
    await using folder = await temporaryFolder();
    const file = await folder.write('t.jsonl', lines(rows));
    const taken = async (more: object, seed = 3) => {
      const run = await runCollect(home, { sources: [{ file, prompt: 'prompt', ...more }] }, {}, { seed });
      return {
        stage: run.stage,
        rows: (await run.tasks()).map(({ row }) => row),
        counts: (await run.manifest()).counts,
      };
    };
    expect(await taken({ limit: 2 })).toMatchObject({ rows: [1, 2], counts: { rows: 2, tasks: 2, dropped: 0 } });
    const sampled = await taken({ sample: 0.5 });
    expect(sampled.rows.length).toBeGreaterThan(15);
    expect(sampled.rows.length).toBeLessThan(45);
    expect((await taken({ sample: 0.5, limit: 4 })).rows).toEqual(sampled.rows.slice(0, 4));
    expect((await taken({ sample: 0.5 }, 4)).rows).not.toEqual(sampled.rows);
    // The seed of the recipe means nothing to whoever takes no sample.
    expect((await taken({ limit: 2 }, 99)).stage).toBe('cached');
  });

  it('is a shard: none overlap, and together they are the whole', async () => {
    await using home = await stageHome();
    await using folder = await temporaryFolder();
    const sources = [{ file: await folder.write('t.jsonl', lines(rows)) }];
    const whole = await runCollect(home, { sources });
    expect((await whole.manifest()).counts).toEqual({ rows: 62, tasks: 60, dropped: 2 });
    const parts = [];
    for (const shard of ['1/3', '2/3', '3/3']) {
      const part = await runCollect(home, { sources, shard });
      const tasks = await part.tasks();
      expect(tasks.length).toBeGreaterThan(8);
      expect((await part.manifest()).counts).toEqual({
        ...{ rows: 62, tasks: tasks.length, dropped: 2, in_other_shards: 60 - tasks.length },
      });
      parts.push(...tasks);
    }
    expect(parts.sort((left, right) => left.row - right.row)).toEqual(await whole.tasks());
    const one = [{ file: await folder.write('one.jsonl', lines([rows[0]])) }];
    const runs = [];
    for (const shard of ['1/2', '2/2']) runs.push(await runCollect(home, { sources: one, shard }));
    expect(runs.map(({ error }) => error?.hint)).toContainEqual(
      'All tasks (1) are in other parts: cut so few into fewer.',
    );
    expect(runs.filter(({ error }) => error === undefined)).toHaveLength(1);
    for (const shard of ['0/3', '4/3', '3', '1/0'])
      expect(collectParams.safeParse({ sources, shard }).success).toBe(false);
  });
});

describe('bad rows', () => {
  const text = lines([
    { prompt: prompts[0] },
    '{"prompt": "cut',
    { text: 'no prompt' },
    { prompt: '' },
    '[]',
    { prompt: prompts[1] },
  ]);

  it('counts, keeps and names them, and goes on', async () => {
    await using home = await stageHome();
    await using folder = await temporaryFolder();
    const file = await folder.write('tasks.jsonl', text);
    const run = await runCollect(home, { sources: [{ file, prompt: 'prompt' }] });
    expect(run.outcome).toBe('done');
    expect((await run.manifest()).counts).toEqual({ rows: 6, tasks: 2, dropped: 4 });
    expect((await run.manifest()).reasons).toEqual({ bad_row: 3, placeholder: 1 });
    expect((await run.dropped()).map(({ row, code, detail }) => [row, code, detail])).toEqual([
      [2, 'bad_row', expect.stringContaining('is not JSON')],
      [3, 'bad_row', 'has no column "prompt" (it has text)'],
      [4, 'placeholder', 'has an empty prompt'],
      [5, 'bad_row', 'is not an object'],
    ]);
    expect(run.logs).toEqual([2, 3, 4, 5].map((line) => expect.stringContaining(`skipped ${file}:${line} `)));
  });

  it('shows a few of many', async () => {
    await using home = await stageHome();
    await using folder = await temporaryFolder();
    const many = [...Array.from({ length: 40 }, () => '{'), JSON.stringify({ prompt: prompts[0] })].join('\n');
    const run = await runCollect(home, {
      sources: [{ file: await folder.write('tasks.jsonl', many), prompt: 'prompt' }],
    });
    expect((await run.manifest()).reasons).toEqual({ bad_row: 40 });
    expect(run.logs).toHaveLength(6);
    expect(run.logs.at(-1)).toContain('counted, not shown');
  });

  it('stops at the first one and names it when told so', async () => {
    await using home = await stageHome();
    await using folder = await temporaryFolder();
    const file = await folder.write('tasks.jsonl', text);
    const run = await runCollect(home, { sources: [{ file }], on_bad_row: 'stop' });
    expect(run).toMatchObject({ outcome: 'failed', exitCode: 1, error: { code: 'collect/bad-row' } });
    expect(run.error?.message).toContain(`${file}:2 is not JSON`);
    await expect(run.artifact('collect')).rejects.toThrow();
  });
});

describe('duplicates', () => {
  const long =
    'Write a Python function that reads a list of user names from a file and returns those that start with a given prefix, sorted by length and then by name.';
  const rows = [
    { prompt: long },
    { prompt: `  ${long}\r\n` },
    { prompt: `${long} Ignore empty lines.` },
    { prompt: long, lang: 'go' },
    { prompt: prompts[1] },
  ];

  it('drops exact and near copies, keeps the first and says which', async () => {
    await using home = await stageHome();
    await using folder = await temporaryFolder();
    const source = { file: await folder.write('tasks.jsonl', lines(rows)), language: 'lang' };
    const run = await runCollect(home, { sources: [source] });
    const [first, second] = await run.tasks();
    expect((await run.tasks()).map(({ row }) => row)).toEqual([1, 5]);
    expect(second?.language).toBe('c');
    expect((await run.dropped()).map(({ row, code, kept, similarity }) => [row, code, kept, similarity])).toEqual([
      [2, 'exact_duplicate', first?.id, 1],
      [3, 'near_duplicate', first?.id, expect.closeTo(0.9, 1)],
      [4, 'near_duplicate', first?.id, 1],
    ]);
    expect((await run.manifest()).reasons).toEqual({ exact_duplicate: 1, near_duplicate: 2 });
  });

  it('keeps one language when told so, before anything is a copy of anything', async () => {
    await using home = await stageHome();
    await using folder = await temporaryFolder();
    const source = { file: await folder.write('tasks.jsonl', lines(rows)), language: 'lang' };
    const run = await runCollect(home, { sources: [source], languages: ['go'] });
    expect((await run.tasks()).map(({ row, language }) => [row, language])).toEqual([[4, 'go']]);
    expect((await run.manifest()).reasons).toEqual({ other_language: 4 });
    expect((await run.dropped())[0]).toMatchObject({ row: 1, code: 'other_language' });
    const { error } = collectParams.safeParse({ sources: [source], languages: ['Golang'] });
    expect(error?.issues[0]).toMatchObject({ path: ['languages', 0], message: 'is called go here' });
  });

  it('keeps near copies when told so, and moves with the threshold', async () => {
    await using folder = await temporaryFolder();
    const source = { file: await folder.write('tasks.jsonl', lines(rows)), language: 'lang' };
    for (const [near_duplicates, kept] of [
      [false, [1, 3, 4, 5]],
      [1, [1, 3, 5]],
      [0.95, [1, 3, 5]],
      [0.5, [1, 5]],
    ] as const) {
      await using home = await stageHome();
      const run = await runCollect(home, { sources: [source], near_duplicates });
      expect((await run.tasks()).map(({ row }) => row)).toEqual(kept);
    }
  });
});

describe('decontamination', () => {
  const frame = 'Write a Python function that takes a list of numbers and returns';
  const texts = [
    `${frame} the median of all values between low and high.`,
    `${frame} those that are prime, in the order given.`,
  ];
  const suite = {
    name: 'tiny',
    digest: sha256Json(texts),
    references: texts.map((text, index) => ({ problem: `p${index}`, text })),
  } as unknown as Suite;
  const services = { suite: async () => suite, suiteDigest: async () => suite.digest };

  it("drops a suite's problem, also inside other text, and keeps what shares its frame", async () => {
    await using home = await stageHome();
    await using folder = await temporaryFolder();
    const rows = [
      { prompt: texts[0] },
      { prompt: `Task 7. ${texts[1]?.toUpperCase()} Thanks!` },
      { prompt: `${frame} their harmonic mean as a fraction.` },
    ];
    const source = { file: await folder.write('tasks.jsonl', lines(rows)) };
    const on = await runCollect(home, { sources: [source], decontaminate: ['tiny'] }, services);
    expect((await on.tasks()).map(({ row }) => row)).toEqual([3]);
    expect((await on.dropped()).map(({ row, code, detail }) => [row, code, detail])).toEqual([
      [1, 'contaminated', expect.stringContaining('with tiny/p0')],
      [2, 'contaminated', expect.stringContaining('with tiny/p1')],
    ]);
    const off = await runCollect(home, { sources: [source] }, services);
    expect((await off.tasks()).map(({ row }) => row)).toEqual([1, 2, 3]);
  });
});

describe('the Hub', () => {
  const rows = prompts.map((problem) => ({ problem, lang: 'C++' }));
  const source = { hub: 'org/tasks', prompt: 'problem', language: 'lang', licence: 'mit' };
  const hubOf = (server: HubServer): Partial<StageServices> => ({
    hub: openHub({
      hubUrl: server.url,
      token: WRITE_TOKEN,
      redact: (text) => text,
      retry: { retries: 2, firstDelayMs: 0, longestDelayMs: 0 },
    }),
  });

  it('reads Parquet of a private dataset, and only Parquet where the rows stand there twice', async () => {
    await using server = await startHubServer();
    await using home = await stageHome();
    server.commit(
      'dataset',
      'org/tasks',
      {
        'data/train-00001.parquet': parquetOf(rows.slice(2)),
        'data/train-00000.parquet': parquetOf(rows.slice(0, 2)),
        'rows.jsonl': lines(rows),
        'README.md': '# Tasks',
      },
      true,
    );
    server.fail('cdn', { kind: 'cut', bytes: 20 });
    const run = await runCollect(home, { sources: [source] }, hubOf(server));
    expect(run.error).toBeUndefined();
    expect((await run.tasks()).map(({ prompt, language, source: from, row }) => [prompt, language, from, row])).toEqual(
      prompts.map((prompt, index) => [prompt, 'cpp', 'org/tasks', (index % 2) + 1]),
    );
  });

  it('is pinned to a commit: a push makes it run again, nothing else does', async () => {
    await using server = await startHubServer();
    await using home = await stageHome();
    const commit = server.commit('dataset', 'org/tasks', { 'a.jsonl': lines(rows.slice(0, 2)) });
    const first = await runCollect(home, { sources: [source] }, hubOf(server));
    const fetched = server.count('resolve');
    const again = await runCollect(home, { sources: [source] }, hubOf(server));
    expect([first.stage, again.stage]).toEqual(['done', 'cached']);
    expect(server.count('resolve')).toBe(fetched);
    server.commit('dataset', 'org/tasks', { 'a.jsonl': lines(rows) });
    const after = await runCollect(home, { sources: [source] }, hubOf(server));
    expect(after.stage).toBe('done');
    expect(await after.tasks()).toHaveLength(4);
    const pinned = await runCollect(home, { sources: [{ ...source, revision: commit }] }, hubOf(server));
    expect(await pinned.tasks()).toHaveLength(2);
  });

  it('reads what a push in the middle of the run left alone', async () => {
    await using server = await startHubServer();
    await using home = await stageHome();
    server.commit('dataset', 'org/tasks', { 'a.jsonl': lines(rows.slice(0, 2)) });
    const { hub } = hubOf(server);
    if (hub === undefined) throw new Error('no hub');
    const pushing: Partial<StageServices> = {
      hub: {
        ...hub,
        // Between the pins, which ask first, and the run.
        list: (...args) => {
          server.commit('dataset', 'org/tasks', { 'a.jsonl': lines(rows) });
          return hub.list(...args);
        },
      },
    };
    const run = await runCollect(home, { sources: [source] }, pushing);
    expect(await run.tasks()).toHaveLength(2);
  });

  it('takes the files below a prefix, and says so when there are none', async () => {
    await using server = await startHubServer();
    await using home = await stageHome();
    server.commit('dataset', 'org/tasks', {
      'test/a.jsonl': lines(rows.slice(0, 1)),
      'train/a.jsonl': lines(rows.slice(1, 2)),
      'dataset_infos.json': '{}',
    });
    const train = await runCollect(home, { sources: [{ ...source, path_prefix: 'train/' }] }, hubOf(server));
    expect((await train.tasks()).map(({ prompt }) => prompt)).toEqual([prompts[1]]);
    const none = await runCollect(home, { sources: [{ ...source, path_prefix: 'dev/' }] }, hubOf(server));
    expect(none).toMatchObject({ outcome: 'failed', error: { code: 'datasets/no-data-files' } });
    const missing = await runCollect(home, { sources: [{ ...source, hub: 'org/nothing' }] }, hubOf(server));
    expect(missing).toMatchObject({ outcome: 'failed', error: { code: 'hub/not-found' } });
  });

  it('reads no more of a dataset than a limit needs, and checks what it reads against the list', async () => {
    await using server = await startHubServer();
    await using home = await stageHome();
    const many = Array.from({ length: 20_000 }, (_, n) => ({ problem: `Sort list number ${n} by ${sha256Json(n)}.` }));
    server.commit('dataset', 'org/tasks', { 'a.jsonl': lines(many), 'b.jsonl': lines(rows) });
    const run = await runCollect(home, { sources: [{ ...source, limit: 3 }] }, hubOf(server));
    expect((await run.tasks()).map(({ row }) => row)).toEqual([1, 2, 3]);
    expect(server.calls.filter(({ route }) => route === 'resolve').map(({ range }) => range)).toEqual([
      'bytes=0-262143',
    ]);
    const both = await runCollect(
      home,
      { sources: [{ ...source, limit: 20_002 }], near_duplicates: false },
      hubOf(server),
    );
    expect((await both.tasks()).slice(-2).map(({ row, prompt }) => [row, prompt])).toEqual([
      [1, prompts[0]],
      [2, prompts[1]],
    ]);
  });

  it('names a bad row by its file on the Hub, never by where that lies here', async () => {
    await using server = await startHubServer();
    await using home = await stageHome();
    server.commit('dataset', 'org/tasks', { 'data/a.jsonl': lines([rows[0], '{']) });
    const run = await runCollect(home, { sources: [source], on_bad_row: 'stop' }, hubOf(server));
    expect(run.error?.message).toMatch(/^org\/tasks\/data\/a\.jsonl:2 is not JSON/);
    const artifact = await runCollect(home, { sources: [source] }, hubOf(server));
    const dropped = await readFile((await artifact.artifact('collect')).path('dropped.jsonl'), 'utf8');
    expect(JSON.parse(dropped)).toMatchObject({ source: 'org/tasks', file: 'data/a.jsonl', row: 2 });
    expect(dropped).not.toContain(home.folder);
  });
});
