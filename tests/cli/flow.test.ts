import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/package-root.js';
import { cliCommand, cliEnvironment, jsonLines, runCli, temporaryFolder } from '../support/run-cli.js';

/** The data stages of the quickstart, for real: they need neither Python nor a sandbox, and take a second. */
const data = ['--until', 'curate'] as const;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let first: readonly Record<string, unknown>[];
const secpi = (...args: readonly string[]) =>
  runCli(args, { cwd: folder.path, env: { HF_TOKEN: 'hf_canary0123456789abc' } });

beforeAll(async () => {
  folder = await temporaryFolder();
  const quickstart = join(packageRoot, 'recipes', 'quickstart.yaml');
  await writeFile(join(folder.path, 'r.yaml'), `extends: ${quickstart}\nname: small\n`);
  const { exitCode, stdout, stderr } = await secpi('run', 'r.yaml', ...data, '--json');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  first = jsonLines(stdout);
});
afterAll(() => folder[Symbol.asyncDispose]());

const runId = () => String(first[0]?.run);

describe('the data stages through the command line', () => {
  it('print the events of the journal, the summary last', async () => {
    const run = join(folder.path, '.secpi', 'runs', runId());
    expect(jsonLines(await readFile(join(run, 'events.jsonl'), 'utf8'))).toEqual(first);
    expect(JSON.parse(await readFile(join(run, 'summary.json'), 'utf8'))).toEqual(first.at(-1));
    expect(first.at(-1)).toMatchObject({ type: 'run-finished', outcome: 'done' });
  });

  it('are cached the second time', async () => {
    const { exitCode, stdout } = await secpi('run', 'r.yaml', ...data, '--quiet');
    expect(exitCode).toBe(0);
    expect(stdout.replace(/ +\d+\.\d s/g, ' TIME')).toMatchInlineSnapshot(`
      "
      stage     outcome   time  what
      collect   cached TIME  48 rows, 48 tasks, 0 dropped
      filter    cached TIME  48 tasks, 24 kept, 24 rejected
      trace     cached TIME  24 questions, 24 traces, 0 missing
      curate    cached TIME  24 traces, 24 samples, 0 dropped, 19 in mini
      base      skipped         not asked for
      train     skipped         not asked for
      evaluate  skipped         not asked for
      report    skipped         not asked for
      publish   skipped         not asked for"
    `);
  });

  it('mix ordinary samples among the others, if the recipe says so', async () => {
    const rows = Array.from({ length: 20 }, (_, index) => ({
      task: `Write a Python function that doubles the ${index} items of a list.`,
      thought: `Twice ${index}. A new list is safer than to change the caller's, which may be read elsewhere at the same time. An empty one gives an empty one. A comprehension says all of it in one line, and the order stays as it was.`,
      answer: 'Here:\n```python\ndef doubled(items):\n    return [2 * item for item in items]\n```',
    }));
    await writeFile(join(folder.path, 'o.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const source = '{ file: o.jsonl, prompt: task, answer: answer, reasoning: thought, licence: mit }';
    const mix = `curate: { mix: { share: 0.25, sources: [${source}] } }`;
    await writeFile(join(folder.path, 'm.yaml'), `extends: r.yaml\nname: mixed\n${mix}\n`);
    const { stdout, stderr } = await secpi('run', 'm.yaml', ...data, '--quiet');
    expect(stderr).toBe('');
    expect(stdout).toMatch(/curate +done .* 24 traces, 32 samples, 0 dropped, 8 mixed, 19 in mini\n/);
    const few = await secpi('run', 'm.yaml', ...data, '--quiet', '--set', 'curate.mix.share=0.5');
    expect(few).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('takes 24 rows of the mix, and of 20 20'),
    });
  });

  it('plan says what is cached and what a change would run again', async () => {
    const { exitCode, stdout } = await secpi('plan', 'r.yaml', ...data, '--set', 'filter.min_confidence=0.6');
    expect(exitCode).toBe(0);
    expect(stdout).toMatchInlineSnapshot(`
      "small
        collect   cached
        filter    run       params.min_confidence: 0.5 → 0.6
                            nothing to ask; 48 answers are kept already
        trace     waits     for filter
        curate    waits     for filter, trace
        base      left out
        train     left out
        evaluate  left out
        report    left out
        publish   left out

      3 to run, 1 cached
      Not in the sum: trace; what they take is known once the stages before have run."
    `);
  });

  it('plan --json has one line a stage and a sum', async () => {
    const { stdout } = await secpi('plan', 'r.yaml', ...data, '--json');
    const lines = jsonLines(stdout);
    expect(lines.map(({ type, stage, state }) => [type, stage, state]).slice(0, 4)).toEqual([
      ['plan-stage', 'collect', 'cached'],
      ['plan-stage', 'filter', 'cached'],
      ['plan-stage', 'trace', 'cached'],
      ['plan-stage', 'curate', 'cached'],
    ]);
    expect(lines.at(-1)).toMatchObject({ type: 'plan', recipe: 'small', to_run: 0, cached: 4, requests: 0 });
  });

  it('plan has the exit code of a run that would refuse', async () => {
    const { exitCode, stdout } = await secpi('plan', 'r.yaml', '--only', 'curate', '--set', 'trace.samples=2');
    expect(exitCode).toBe(2);
    expect(stdout).toContain('trace     missing   params.samples: 1 → 2');
  });

  it('why explains one stage', async () => {
    const cached = await secpi('why', 'filter', 'r.yaml');
    expect(cached.stdout).toContain(`filter is cached, made by run ${runId()}`);
    const { stdout } = await secpi('why', 'filter', 'r.yaml', '--set', 'filter.min_confidence=0.6');
    expect(stdout).toMatchInlineSnapshot(`
      "filter would run:
        params.min_confidence: 0.5 → 0.6"
    `);
    const unknown = await secpi('why', 'fitler', 'r.yaml');
    expect(unknown).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('Did you mean "filter"?') });
  });

  it('go on when nobody reads what they say', async () => {
    const command = `${cliCommand().join(' ')} run r.yaml ${data.join(' ')} --force curate | head -n 1; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await execa('bash', ['-c', command], {
      cwd: folder.path,
      env: cliEnvironment(folder.path),
      extendEnv: false,
    });
    expect(stdout.split('\n')).toEqual([expect.stringContaining('small: run'), '0']);
    expect(stderr).toBe('');
    const { stdout: status } = await secpi('status', '--json');
    expect(jsonLines(status)).toMatchObject([{ state: 'done' }]);
  });

  it('leave no secret behind', async () => {
    const files = await readdir(join(folder.path, '.secpi'), { recursive: true, withFileTypes: true });
    for (const file of files.filter((entry) => entry.isFile())) {
      expect(await readFile(join(file.parentPath, file.name), 'utf8'), file.name).not.toContain('hf_canary');
    }
  });
});
