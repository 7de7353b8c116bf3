import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/package-root.js';
import { Gate } from '../engine/fixtures/small-flow.js';
import { startOpenaiServer } from '../support/openai-server.js';
import { cliCommand, cliEnvironment, jsonLines, runCli, temporaryFolder } from '../support/run-cli.js';

/** Four runs of the quickstart's data stages: `collect` is the same in all, `filter` in two each. */
const matrix = 'matrix:\n  curate.max_characters: [20000, 100]\n  filter.min_confidence: [0.5, 0.6]\n';
const names = ['20000', '100'].flatMap((characters) =>
  ['0.5', '0.6'].map((confidence) => `curate.max_characters=${characters},filter.min_confidence=${confidence}`),
);
const data = ['--until', 'curate'] as const;
const quickstart = `extends: ${join(packageRoot, 'recipes', 'quickstart.yaml')}\nname: sweep\n`;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let lines: readonly Record<string, unknown>[];
const secpi = (...args: readonly string[]) => runCli(args, { cwd: folder.path });

/** How many artifacts there are of each stage. */
async function made(path: string): Promise<Record<string, number>> {
  const artifacts = join(path, '.secpi', 'artifacts');
  const stages = (await readdir(artifacts)).sort();
  return Object.fromEntries(
    await Promise.all(stages.map(async (stage) => [stage, (await readdir(join(artifacts, stage))).length])),
  );
}

/** What a sweep has said at its end. */
function lastOf(said: typeof lines) {
  return said.at(-1) as { readonly sweep: string; readonly members: readonly Record<string, unknown>[] };
}

beforeAll(async () => {
  folder = await temporaryFolder();
  await writeFile(join(folder.path, 'r.yaml'), quickstart + matrix);
  const { exitCode, stdout, stderr } = await secpi('run', 'r.yaml', ...data, '--json');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  lines = jsonLines(stdout);
});
afterAll(() => folder[Symbol.asyncDispose]());

describe('a recipe with a matrix', () => {
  it('is run as one run for each member, and what they share is made once', async () => {
    const last = lastOf(lines);
    expect(last).toMatchObject({ type: 'sweep-finished', recipe: 'sweep', exit_code: 0 });
    expect(last.members.map(({ member, state }) => [member, state])).toEqual(names.map((name) => [name, 'done']));
    expect(last.members[1]?.axes).toEqual({ 'curate.max_characters': '20000', 'filter.min_confidence': '0.6' });
    const done = lines.filter(({ type, outcome }) => type === 'stage-finished' && outcome === 'done');
    // Both confidences keep the same tasks, so what follows is the same for both.
    const times = { collect: 1, curate: 2, filter: 2, trace: 1 };
    expect(await made(folder.path)).toEqual(times);
    expect(done.map(({ stage }) => stage).sort()).toEqual(
      Object.entries(times).flatMap(([stage, count]) => Array(count).fill(stage)),
    );
    for (const { member, run } of last.members) {
      const journal = join(folder.path, '.secpi', 'runs', String(run), 'events.jsonl');
      expect(jsonLines(await readFile(journal, 'utf8')).map((event) => ({ ...event, run, member }))).toEqual(
        lines.filter((line) => line.run === run),
      );
    }
  });

  it('is told as one table, at the end and by status', async () => {
    const { exitCode, stdout } = await secpi('run', 'r.yaml', ...data, '--quiet');
    expect(exitCode).toBe(0);
    const shown = (text: string) => text.replace(/[0-9A-Z]{26}/g, 'ID').replace(/\d+\.\d s/g, 'TIME');
    expect(shown(stdout)).toMatchInlineSnapshot(`
      "
      max_characters  min_confidence  outcome  cost   time  run
      20000           0.5             done       $0  TIME  ID
      20000           0.6             done       $0  TIME  ID
      100             0.5             done       $0  TIME  ID
      100             0.6             done       $0  TIME  ID

      4 members: 4 done
      sweep ID"
    `);
    const status = shown((await secpi('status')).stdout).replace(/started .*/, 'started');
    expect(status).toMatchInlineSnapshot(`
      "sweep  sweep ID, started
      max_characters  min_confidence  outcome  cost   time  run
      20000           0.5             done       $0  TIME  ID
      20000           0.6             done       $0  TIME  ID
      100             0.5             done       $0  TIME  ID
      100             0.6             done       $0  TIME  ID
      4 members: 4 done; one of them: secpi status RUN"
    `);
    const { sweep, members } = lastOf(lines);
    const [told] = jsonLines((await secpi('status', sweep, '--json')).stdout);
    expect(told).toMatchObject({ type: 'sweep', sweep, members });
    expect((await secpi('status', String(members[2]?.run))).stdout).toContain(`sweep ${names[2]}  done`);
    const { stdout: said, stderr } = await secpi('logs');
    expect(said).toContain(`sweep ${names[3]}: run`);
    expect(stderr).toContain('is one of sweep');
  });

  it('is validated, planned and explained as what it stands for', async () => {
    expect((await secpi('validate', 'r.yaml')).stdout).toContain(
      'its matrix has 4 members, curate.max_characters (2) × filter.min_confidence (2): "curate.max_characters=20000,',
    );
    const plan = await secpi('plan', 'r.yaml', ...data, '--set', 'trace.samples=2');
    expect(plan.stdout).toMatchInlineSnapshot(`
      "sweep, 4 of its matrix

      curate.max_characters=20000,filter.min_confidence=0.5
        collect   cached
        filter    cached
        trace     run       params.samples: 1 → 2
                            24 requests; about 15k tokens in, 98k out; 24 answers are kept already
        curate    waits     for trace
        base, train, evaluate, report, publish: left out

      curate.max_characters=20000,filter.min_confidence=0.6
        collect, trace: as in curate.max_characters=20000,filter.min_confidence=0.5
        filter    cached
        curate    waits     for trace
        base, train, evaluate, report, publish: left out

      curate.max_characters=100,filter.min_confidence=0.5
        collect, filter, trace: as in curate.max_characters=20000,filter.min_confidence=0.5
        curate    waits     for trace
        base, train, evaluate, report, publish: left out

      curate.max_characters=100,filter.min_confidence=0.6
        collect, trace: as in curate.max_characters=20000,filter.min_confidence=0.5
        filter: as in curate.max_characters=20000,filter.min_confidence=0.6
        curate    waits     for trace
        base, train, evaluate, report, publish: left out

      5 to run, 3 cached; 24 requests; about 15k tokens in and 98k out
      Not in the cost: trace, whose models have no price in the recipe."
    `);
    const json = jsonLines((await secpi('plan', 'r.yaml', ...data, '--json')).stdout);
    expect(json.at(-1)).toMatchObject({ type: 'plan', members: 4, cached: 6, to_run: 0 });
    expect(json.find(({ stage, member }) => stage === 'filter' && member === names[2])).toMatchObject({
      same_as: names[0],
    });
    expect((await secpi('why', 'collect', 'r.yaml')).stdout).toContain('collect is cached');
    const filter = await secpi('why', 'filter', 'r.yaml');
    expect(filter).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('code: cli/which-member') });
    expect((await secpi('why', 'filter', 'r.yaml', '--member', String(names[0]))).stdout).toContain('filter is cached');
  });

  it('says that its members may ask alike, and then pay once', async () => {
    await using empty = await temporaryFolder();
    await writeFile(join(empty.path, 'r.yaml'), quickstart + matrix);
    await runCli(['run', 'r.yaml', '--until', 'collect'], { cwd: empty.path });
    const large = ['--set', 'models.large={model: m, endpoint: "http://127.0.0.1:1/v1"}', '--set', 'filter.by=large'];
    const { stdout } = await runCli(['plan', 'r.yaml', '--until', 'filter', ...large], { cwd: empty.path });
    expect(stdout).toContain('At most: filter of several members; what they ask alike is asked once.');
    const json = await runCli(['plan', 'r.yaml', '--until', 'collect', '--json'], { cwd: empty.path });
    expect(jsonLines(json.stdout).at(-1)).toMatchObject({ for_several: [] });
  });

  it('lends itself to running one of its members alone', async () => {
    const { stdout } = await secpi('run', 'r.yaml', ...data, '--member', String(names[1]), '--json');
    expect(jsonLines(stdout)[0]).toMatchObject({ type: 'run-started', member: { name: names[1] } });
    expect(jsonLines(stdout)[0]).not.toHaveProperty('sweep');
    expect(jsonLines(stdout).at(-1)).toMatchObject({ type: 'run-finished', outcome: 'done' });
    const unknown = await secpi('run', 'r.yaml', '--member', String(names[1]?.replace('0.6', '0.7')));
    expect(unknown).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('Did you mean') });
  });

  it('goes on when a member fails, says which and why once, and ends with 1', async () => {
    const broken = 'matrix: { filter.by: [classifier, teacher], curate.max_characters: [20000, 100] }\n';
    await writeFile(join(folder.path, 'broken.yaml'), quickstart + broken);
    const { exitCode, stdout, stderr } = await secpi('run', 'broken.yaml', ...data, '--quiet');
    expect(exitCode).toBe(1);
    expect(stdout).toContain('4 members: 2 done, 2 failed');
    expect(stderr).toContain(
      'filter.by=teacher,curate.max_characters=20000 and 1 more: 48 questions to `teacher` got no',
    );
    expect(stderr).toContain('continue with: secpi run broken.yaml --until curate');
  });

  it('is refused before anything begins where members would publish over each other', async () => {
    const before = (await readdir(join(folder.path, '.secpi', 'runs'))).length;
    const refused = await secpi('run', 'r.yaml');
    expect(refused).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('code: cli/same-destination') });
    expect(await readdir(join(folder.path, '.secpi', 'runs'))).toHaveLength(before);
  });
});

/** A sweep over `filter` against a server that stops answering in the middle, until the gate is opened. */
async function interrupted(signal: 'SIGKILL' | 'SIGINT') {
  const home = await temporaryFolder();
  const [reached, gate] = [new Gate(), new Gate()];
  const server = await startOpenaiServer(async (_chat, call) => {
    if (call >= 20) {
      reached.open();
      await gate.passed();
    }
    const content = '{"relevant":false,"cwes":[],"confidence":0.9,"reason":"none"}';
    return { kind: 'answer', content };
  });
  const classifier = `{ model: test/classifier, replay: null, endpoint: ${server.url}, concurrency: { start: 2, max: 2 } }`;
  const recipe = `${quickstart}models: { classifier: ${classifier} }\nmatrix: { filter.min_confidence: [0.5, 0.6, 0.7] }\n`;
  await writeFile(join(home.path, 'r.yaml'), recipe);
  const args = ['run', 'r.yaml', '--until', 'filter', '--json'];
  const [program, ...first] = cliCommand();
  const child = spawn(program, [...first, ...args], { cwd: home.path, env: cliEnvironment(home.path), stdio: 'pipe' });
  let stdout = '';
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  const ended = once(child, 'close');
  await reached.passed();
  child.kill(signal);
  const [code, killedBy] = await ended;
  const askedBefore = server.received.length;
  gate.open();
  const after = await runCli(args, { cwd: home.path });
  return {
    ended: code ?? killedBy,
    last: jsonLines(stdout.slice(0, stdout.lastIndexOf('\n') + 1)).at(-1),
    after: { exitCode: after.exitCode, last: jsonLines(after.stdout).at(-1) },
    askedBefore,
    asked: server.received.map(({ prompt }) => prompt),
    made: await made(home.path),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await home[Symbol.asyncDispose]();
    },
  };
}

describe('a sweep that is cut off', () => {
  it.each(['SIGKILL', 'SIGINT'] as const)('by %s goes on where it was, and asks nothing twice', async (signal) => {
    await using sweep = await interrupted(signal);
    expect(sweep.ended).toBe(signal === 'SIGINT' ? 130 : 'SIGKILL');
    if (signal === 'SIGINT') {
      const members = [{ state: 'interrupted' }, { state: 'interrupted' }, { state: 'interrupted' }];
      expect(sweep.last).toMatchObject({ type: 'sweep-finished', exit_code: 130, members });
    }
    expect(sweep.after).toMatchObject({ exitCode: 0, last: { type: 'sweep-finished', exit_code: 0 } });
    expect(sweep.made).toEqual({ collect: 1, filter: 3 });
    // Three members ask the same 48 questions. What was in flight has to be asked again, and nothing else.
    expect(new Set(sweep.asked).size).toBe(48);
    expect(sweep.askedBefore).toBeLessThanOrEqual(22);
    expect(sweep.asked.length).toBeLessThanOrEqual(50);
  });
});
