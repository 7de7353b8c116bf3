import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { startHubServer } from '../../support/hub-server.js';
import { jsonLines, runCli, temporaryFolder } from '../../support/run-cli.js';

const rows = [
  { problem: 'Write a Python function that reads a file.', solution: 'def f(): ...', license: 'mit' },
  { problem: '-', solution: '', license: 'mit' },
  { problem: 'Sort a list.\u001b[31m', solution: 'package main\n', license: 'mit' },
];
const text = rows.map((row) => JSON.stringify(row)).join('\n');

describe('secpi data peek', () => {
  it('shows columns, tasks, and what to write into a recipe', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 't.jsonl.gz'), gzipSync(text));
    const { exitCode, stdout, stderr } = await runCli(['data', 'peek', 't.jsonl.gz'], { cwd: folder.path });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(/^t\.jsonl\.gz: jsonl\.gz, \d+ B\n/);
    expect(stdout).toMatch(/^license +100 % {2}mit$/m);
    expect(stdout).toMatch(/^ *1 {2}python +Write a Python function that reads a file\.$/m);
    expect(stdout).toMatch(/^ *2 {2}placeholder {2}has a placeholder for a prompt \("-"\)$/m);
    expect(stdout).toContain('guessed columns: prompt: problem, answer: solution, licence_column: license\n');
    expect(stdout).toContain('all 3 rows: 2 tasks; no tasks: placeholder 1\nlanguages: python 1, go 1\n');
    expect(stdout).toContain('- { file: t.jsonl.gz, prompt: problem, answer: solution, licence_column: license }');
    // What a dataset holds cannot steer a terminal.
    expect(stdout).not.toContain('\u001b');
    expect(await readdir(folder.path)).toEqual(['t.jsonl.gz']);
  });

  it('lets nothing that a file holds steer the terminal, nor end it', async () => {
    await using folder = await temporaryFolder();
    const steering = '\u001b]52;c;cm0gLXJmIH4K\u0007';
    await writeFile(join(folder.path, 'e.jsonl'), `{"zzz": 1}\n${steering}\n`);
    const language = JSON.stringify({ prompt: `Sort. ${' '.repeat(200_000)}`, lang: `${steering}x` });
    const deep = `{"prompt":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    await writeFile(join(folder.path, 'l.jsonl'), `${language}\n${deep}\n`);
    const blind = await runCli(['data', 'peek', 'e.jsonl'], { cwd: folder.path });
    expect(blind).toMatchObject({ exitCode: 0, stderr: '' });
    expect(blind.stdout).toContain('is not JSON');
    const named = await runCli(['data', 'peek', 'l.jsonl', '--language', 'lang'], { cwd: folder.path });
    expect(named).toMatchObject({ exitCode: 0, stderr: '' });
    expect(named.stdout).toContain('is nested more than 1000 levels deep');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
    for (const { stdout } of [blind, named]) expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  });

  it('says so when no column looks like a task, and takes the one that is named', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 't.jsonl'), '{"meta":{"ask":"Sort it in Go."},"n":1}\n');
    const blind = await runCli(['data', 'peek', 't.jsonl'], { cwd: folder.path });
    expect(blind.exitCode).toBe(0);
    expect(blind.stdout).toContain('No column looks like a task in the only row: name it by `--prompt`.');
    const wrong = await runCli(['data', 'peek', 't.jsonl', '--prompt', 'ask'], { cwd: folder.path });
    expect(wrong.stdout).toContain('has no column "ask" (it has meta, n)');
    expect(wrong.stdout).toContain('That makes no task of any row: name the right column by `--prompt`.');
    // Nothing to copy that would end a run.
    expect(wrong.stdout).not.toContain('In a recipe');
    const named = await runCli(['data', 'peek', 't.jsonl', '--prompt', 'meta.ask', '--json'], { cwd: folder.path });
    expect(jsonLines(named.stdout)).toEqual([
      {
        ...{ type: 'source', commit: null, files: 1, bytes: 40, format: 'jsonl', licence: null, guessed: false },
        ...{
          columns: { prompt: ['meta.ask'] },
          missing_columns: [],
          rows: 1,
          tasks: 1,
          no_tasks: {},
          languages: { go: 1 },
        },
        recipe: '- { file: t.jsonl, prompt: meta.ask }',
      },
      { type: 'column', name: 'meta', filled: 1, example: '{"ask":"Sort it in Go."}' },
      { type: 'column', name: 'n', filled: 1, example: '1' },
      {
        type: 'row',
        row: 1,
        task: expect.objectContaining({ prompt: 'Sort it in Go.', language: 'go', source: 't.jsonl' }),
      },
    ]);
  });

  it('reads the beginning of a dataset on the Hub, and its card', async () => {
    await using server = await startHubServer();
    await using folder = await temporaryFolder();
    const long = Array.from({ length: 4000 }, (_, n) =>
      JSON.stringify({ query: `Sort list ${n}. ${'x'.repeat(200)}` }),
    );
    const commit = server.commit('dataset', 'org/tasks', {
      'data/train.jsonl': long.join('\n'),
      'README.md': '---\nlicense: apache-2.0\ntags: []\n---\n# Tasks\n',
    });
    const env = { HF_ENDPOINT: server.url };
    const { exitCode, stdout, stderr } = await runCli(['data', 'peek', 'org/tasks', '-n', '2'], {
      cwd: folder.path,
      env,
    });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toContain(`org/tasks at ${commit}: jsonl, `);
    expect(stdout).toContain('licence: apache-2.0, as its card says');
    expect(stdout).toContain('the first 200 rows: 200 tasks\n');
    expect(stdout).toContain('- { hub: org/tasks, prompt: query, licence: apache-2.0 }');
    const ranges = server.calls.filter(({ route }) => route === 'resolve').map(({ range }) => range);
    expect(ranges).toEqual(['bytes=0-262143', expect.stringMatching(/^bytes=0-\d\d$/)]);
  });

  it('writes a recipe line that can be read, and counts the languages that it does not list', async () => {
    await using folder = await temporaryFolder();
    const lines = Array.from({ length: 14 }, (_, n) => JSON.stringify({ prompt: `Sort list ${n}.`, lang: `lang${n}` }));
    await writeFile(join(folder.path, 'a: b, {c}.jsonl'), [...lines, ...lines.slice(0, 13)].join('\n'));
    const { stdout } = await runCli(['data', 'peek', 'a: b, {c}.jsonl', '--language', 'lang'], { cwd: folder.path });
    expect(stdout).toContain('- { file: "a: b, {c}.jsonl", prompt: prompt');
    expect(stdout).toMatch(/^languages: .*, lang11 2 and 2 others \(3 tasks\)$/m);
  });

  it('warns of a named column that no row has, calls no named one guessed, and advises against it', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 't.jsonl'), text);
    const named = ['--language', 'nope', '--answer', 'solution'];
    const { stdout } = await runCli(['data', 'peek', 't.jsonl', ...named], { cwd: folder.path });
    expect(stdout).toContain('guessed columns: prompt: problem, licence_column: license\n');
    expect(stdout).toContain('chosen columns: language: nope, answer: solution\n');
    expect(stdout).toContain('warning: no row has the column "nope" that `language` names\n');
    expect(stdout).toContain('- { file: t.jsonl, prompt: problem, answer: solution, licence_column: license }');
    const json = await runCli(['data', 'peek', 't.jsonl', ...named, '--json'], { cwd: folder.path });
    expect(jsonLines(json.stdout)[0]).toMatchObject({ guessed: true, missing_columns: ['nope'] });
  });

  it('gives no advice about columns where there are no rows, or none that can be read', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'none.json'), '[]');
    await writeFile(join(folder.path, 'packed.jsonl'), gzipSync(text));
    const none = await runCli(['data', 'peek', 'none.json'], { cwd: folder.path });
    expect(none.stdout).toBe('none.json: json, 2 B\n\nThere are no rows in it.');
    const packed = await runCli(['data', 'peek', 'packed.jsonl'], { cwd: folder.path });
    expect(packed.stdout).toContain('is not valid UTF-8; the file is packed by gzip: let its name end in .gz\n');
    expect(packed.stdout).toContain('None of these rows can be read');
    for (const { stdout } of [none, packed]) expect(stdout).not.toMatch(/columns|--prompt|In a recipe/);
  });

  it('reads nothing but files', async () => {
    await using folder = await temporaryFolder();
    await execa('mkfifo', [join(folder.path, 'p.jsonl')]);
    for (const [name, kind] of [
      ['p.jsonl', 'a named pipe'],
      ['.', 'a folder'],
    ] as const) {
      const { exitCode, stderr } = await runCli(['data', 'peek', name], { cwd: folder.path });
      expect(exitCode).toBe(2);
      expect(stderr).toContain(`is no file but ${kind}`);
    }
  });

  it('takes no empty name for a column', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 't.jsonl'), '{"":"Sort it."}\n');
    for (const option of ['--prompt', '--language', '--answer']) {
      const { exitCode, stderr } = await runCli(['data', 'peek', 't.jsonl', option, ''], { cwd: folder.path });
      expect(exitCode).toBe(2);
      expect(stderr).toContain(`error: ${option} names no column: it is empty\n`);
    }
  });

  it('knows what is neither a file nor a dataset', async () => {
    await using folder = await temporaryFolder();
    for (const name of ['./none.jsonl', 'data/none.jsonl.gz', 'none']) {
      const { exitCode, stderr } = await runCli(['data', 'peek', name], { cwd: folder.path });
      expect(exitCode).toBe(2);
      expect(stderr).toContain(`${name} is neither a file nor the name of a dataset on the Hub`);
    }
  });
});
