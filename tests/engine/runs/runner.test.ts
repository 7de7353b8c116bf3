import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { SecpiError } from '../../../src/base/errors.js';
import { sha256 } from '../../../src/base/hash.js';
import { readManifest } from '../../../src/engine/artifacts/artifact-store.js';
import { buildGraph, graphNode } from '../../../src/engine/flow/graph.js';
import { Interruption } from '../../../src/engine/runs/interruption.js';
import { mergeMetrics } from '../../../src/engine/runs/merge-metrics.js';
import { defineStage, type StageDefinition } from '../../../src/engine/stage.js';
import { type DemoServices, demoGraph } from '../fixtures/demo-graph.js';
import { smallFlow } from '../fixtures/small-flow.js';
import { objectOf, runDemo, temporaryState } from '../fixtures/temporary-state.js';

type Run = StageDefinition<Record<never, never>, never, DemoServices>['run'];

/** A flow of one stage that does `run`, followed by one that does nothing. */
function flow(run: Run) {
  const params = z.strictObject({});
  const first = defineStage<Record<never, never>, never, DemoServices>({
    name: 'first',
    version: 1,
    params,
    inputs: [],
    seeded: false,
    run,
  });
  const last = defineStage<Record<never, never>, 'first', DemoServices>({
    name: 'last',
    version: 1,
    params,
    inputs: ['first'],
    seeded: false,
    run: async () => ({ counts: {} }),
  });
  return buildGraph<DemoServices>([
    graphNode({ name: 'first', stage: first, params: {}, inputs: {} }),
    graphNode({ name: 'last', stage: last, params: {}, inputs: { first: 'first' } }),
  ]);
}

describe('executeRun', () => {
  it('runs what has no artifact, and nothing at all the second time', async () => {
    await using home = await temporaryState();
    const first = await runDemo(home);
    expect(first.exitCode).toBe(0);
    expect(first.outcomes).toEqual(['done', 'done', 'done']);
    expect(first.finished).toMatchObject({
      type: 'run-finished',
      outcome: 'done',
      metrics: { demo: { numbers: 12, squares: 12, sum: 4554 } },
    });
    expect(first.events.map((event) => event.type)).toEqual([
      'run-started',
      'stage-started',
      ...Array.from({ length: 12 }, () => 'progress'),
      'stage-finished',
      'stage-started',
      'stage-finished',
      'stage-started',
      'stage-finished',
      'run-finished',
    ]);
    const side = await home.side();

    const second = await runDemo(home);
    expect(second.outcomes).toEqual(['cached', 'cached', 'cached']);
    expect(second.finished.metrics).toEqual(first.finished.metrics);
    expect(second.events.map((event) => event.type)).toEqual([
      'run-started',
      'stage-finished',
      'stage-finished',
      'stage-finished',
      'run-finished',
    ]);
    expect(await home.side()).toEqual(side);
    expect(await readdir(join(home.state.root, 'work'))).toEqual([]);
    expect(await readdir(home.state.staging)).toEqual([]);
  });

  it('keeps the journal and the summary, both equal to what was handed on', async () => {
    await using home = await temporaryState();
    const { finished, events } = await runDemo(home, { files: { 'recipe.yaml': 'name: demo\n' } });
    const folder = home.state.run(finished.run);
    const lines = (await readFile(join(folder, 'events.jsonl'), 'utf8')).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(events);
    expect(JSON.parse(await readFile(join(folder, 'summary.json'), 'utf8'))).toEqual(events.at(-1));
    expect(finished).toEqual(events.at(-1));
    expect(await readFile(join(folder, 'recipe.yaml'), 'utf8')).toBe('name: demo\n');
    expect(await readFile(join(home.state.root, '.gitignore'), 'utf8')).toBe('*\n');
  });

  it('runs again only what a change reaches: equal bytes upstream stop it', async () => {
    await using home = await temporaryState();
    await runDemo(home);
    expect((await runDemo(home, { params: { power: 3 } })).outcomes).toEqual(['cached', 'done', 'done']);
    expect((await runDemo(home)).outcomes).toEqual(['cached', 'cached', 'cached']);
    const forced = await runDemo(home, { selection: { force: ['numbers'] } });
    expect(forced.outcomes).toEqual(['done', 'cached', 'cached']);
    expect(forced.events[1]).toMatchObject({ type: 'stage-started', why: 'forced' });
  });

  it('runs a part of the flow, and refuses one whose start is missing before it writes anything', async () => {
    await using home = await temporaryState();
    const refused = runDemo(home, { selection: { from: 'squares' } });
    await expect(refused).rejects.toMatchObject({ code: 'engine/upstream-missing', exitCode: 2 });
    await expect(readdir(home.state.root)).rejects.toMatchObject({ code: 'ENOENT' });

    const until = await runDemo(home, { selection: { until: 'numbers' } });
    expect(until.outcomes).toEqual(['done', 'skipped', 'skipped']);
    expect(until.exitCode).toBe(0);
    const from = await runDemo(home, { selection: { from: 'squares' } });
    expect(from.outcomes).toEqual(['cached', 'done', 'done']);
  });

  it('asks no stage what it would take: some read all of their rows to say so', async () => {
    await using home = await temporaryState();
    let asked = 0;
    const graph = smallFlow(
      { name: 'tasks' },
      { name: 'filter', inputs: ['tasks'], estimate: async () => ({ requests: ++asked }) },
    );
    await runDemo(home, { graph, selection: { until: 'tasks' } });
    const { outcomes } = await runDemo(home, { graph, selection: { only: ['filter'] } });
    expect([outcomes, asked]).toEqual([['cached', 'done'], 0]);
  });

  it('sets a damaged artifact aside with a word about it, and makes it again', async () => {
    await using home = await temporaryState();
    const { finished } = await runDemo(home);
    const [stage] = finished.stages;
    const folder = await objectOf(home.state, 'numbers', stage?.fingerprint ?? raise());
    const before = await readFile(join(folder, 'data/rows.jsonl'));
    await writeFile(join(folder, 'data/rows.jsonl'), 'spoilt');
    const again = await runDemo(home);
    expect(again.outcomes).toEqual(['done', 'cached', 'cached']);
    expect(again.events).toContainEqual(
      expect.objectContaining({ type: 'log', level: 'warn', message: expect.stringContaining('is made again') }),
    );
    expect(await readFile(join(folder, 'data/rows.jsonl'))).toEqual(before);
    const [aside] = await readdir(home.state.damaged);
    expect(await readFile(join(home.state.damaged, aside ?? '', 'files', 'data/rows.jsonl'), 'utf8')).toBe('spoilt');
  });

  it('stops behind a failed stage, keeps its work, and goes on from it', async () => {
    await using home = await temporaryState();
    let broken = true;
    const Row = z.object({ n: z.number() });
    const graph = flow(async ({ work, output }) => {
      const log = await work.log('rows.jsonl', { schema: Row, key: (row) => String(row.n) });
      const found = [...log.keys()].length;
      await log.append({ n: found });
      await output.text('half.txt', 'half');
      if (broken) throw new SecpiError('demo/no-luck', 'there was no luck', { hint: 'Try again.' });
      return { counts: { found } };
    });
    const failed = await runDemo(home, { graph });
    expect(failed).toMatchObject({
      exitCode: 1,
      outcomes: ['failed', 'skipped'],
      finished: {
        outcome: 'failed',
        error: { code: 'demo/no-luck', message: 'there was no luck', hint: 'Try again.' },
      },
    });
    expect(await readdir(home.state.staging)).toEqual([]);
    expect(await readdir(join(home.state.root, 'locks'))).toEqual([]);

    broken = false;
    const again = await runDemo(home, { graph });
    expect(again.outcomes).toEqual(['done', 'done']);
    expect(again.events).toContainEqual(expect.objectContaining({ type: 'stage-started', resumed: true }));
    expect(again.events).toContainEqual(expect.objectContaining({ type: 'stage-finished', counts: { found: 1 } }));
  });

  it('reports a bug once, with its stack in the journal alone', async () => {
    await using home = await temporaryState();
    const graph = flow(async () => {
      throw new RangeError('off by one');
    });
    const { finished, events, exitCode } = await runDemo(home, { graph });
    expect(exitCode).toBe(1);
    expect(finished.error).toMatchObject({ code: 'internal', message: 'off by one' });
    const logs = events.filter((event) => event.type === 'log');
    expect(logs).toHaveLength(1);
    expect(logs[0]).toMatchObject({ level: 'debug', message: expect.stringContaining('runner.test.ts') });
    expect(JSON.stringify(finished)).not.toContain('runner.test.ts');
  });

  it('gives a gate and bad input their own exit codes', async () => {
    await using home = await temporaryState();
    const gate = flow(async () => {
      throw new SecpiError('demo/gate', 'func-sec@1 did not rise', { exitCode: 3 });
    });
    expect(await runDemo(home, { graph: gate })).toMatchObject({ exitCode: 3, finished: { outcome: 'gate' } });
    const input = flow(async () => {
      throw new SecpiError('demo/input', 'no such file', { exitCode: 2 });
    });
    expect(await runDemo(home, { graph: input })).toMatchObject({ exitCode: 2, finished: { outcome: 'failed' } });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ends interrupted by %s with everything resumable', async (name) => {
    await using home = await temporaryState();
    const controller = new AbortController();
    const stopped = await runDemo(home, {
      params: { pauseMs: 1 },
      signal: controller.signal,
      onEvent: (event) => {
        if (event.type === 'progress' && event.done === 5) controller.abort(new Interruption(name));
      },
    });
    expect(stopped.exitCode).toBe(name === 'SIGINT' ? 130 : 143);
    expect(stopped.finished.outcome).toBe('interrupted');
    expect(stopped.finished.error).toBeUndefined();
    expect(stopped.outcomes).toEqual(['stopped', 'skipped', 'skipped']);
    const events = await readFile(join(home.state.run(stopped.finished.run), 'events.jsonl'), 'utf8');
    expect(events.match(/"type":"interrupted"/g)).toHaveLength(1);
    expect(events).toContain(`"signal":"${name}"`);

    const again = await runDemo(home, { params: { pauseMs: 1 } });
    expect(again.outcomes).toEqual(['done', 'done', 'done']);
    const rows = (await home.side()).filter((line) => line.startsWith('row'));
    expect(rows).toEqual(Array.from({ length: 12 }, (_, n) => `row ${n}`));
  });

  it('does not commit what a stage returned after the interruption', async () => {
    await using home = await temporaryState();
    const controller = new AbortController();
    const graph = flow(async ({ output }) => {
      controller.abort(new Interruption('SIGINT'));
      await output.text('a.txt', 'a');
      return { counts: {} };
    });
    const { exitCode, outcomes } = await runDemo(home, { graph, signal: controller.signal });
    expect({ exitCode, outcomes }).toEqual({ exitCode: 130, outcomes: ['stopped', 'skipped'] });
    expect(await readdir(home.state.staging)).toEqual([]);
    expect(await readdir(join(home.state.root, 'artifacts'))).toEqual([]);
  });

  it('redacts what is written and what is handed on, and drops events that come late', async () => {
    await using home = await temporaryState();
    let late: (() => void) | undefined;
    const graph = flow(async ({ emit }) => {
      emit({ type: 'log', level: 'info', message: 'token hf_canary here' });
      emit({ type: 'metric', step: 1, values: { loss: Number.NaN } });
      emit({ type: 'metric', step: 2, values: { 'of hf_canary': 1 } });
      late = () => emit({ type: 'log', level: 'info', message: 'too late' });
      throw new SecpiError('demo/leak', 'hf_canary was refused');
    });
    const { finished, events } = await runDemo(home, {
      graph,
      redact: (text) => text.replaceAll('hf_canary', '***'),
      files: { 'recipe.yaml': 'token: hf_canary' },
    });
    late?.();
    const folder = home.state.run(finished.run);
    const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    expect(files.map(({ name }) => name)).toContainEqual(expect.stringContaining('tfevents'));
    for (const { name, parentPath } of files) {
      const text = await readFile(join(parentPath, name), 'utf8');
      expect(text).not.toContain('hf_canary');
      expect(text).not.toContain('too late');
    }
    expect(JSON.stringify(events)).not.toContain('hf_canary');
    expect(finished.error?.message).toBe('*** was refused');
    expect(events).toContainEqual(expect.objectContaining({ type: 'metric', values: { loss: null } }));
  });

  it('tidies up the work of a stage whose run died right after the commit', async () => {
    await using home = await temporaryState();
    const { finished } = await runDemo(home, { keepWork: true });
    const work = home.state.work(finished.stages[0]?.fingerprint ?? raise());
    expect(await readdir(work)).toEqual(['rows.jsonl']);
    await runDemo(home);
    await expect(readdir(work)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('does each stage once when two runs of one process start together', async () => {
    await using home = await temporaryState();
    const runs = await Promise.all([
      runDemo(home, { params: { pauseMs: 2 } }),
      runDemo(home, { params: { pauseMs: 2 } }),
    ]);
    expect(runs.map((run) => run.exitCode)).toEqual([0, 0]);
    const starts = (await home.side()).filter((line) => line.startsWith('start'));
    expect(starts.sort()).toEqual(['start numbers', 'start squares', 'start total']);
    expect(runs.flatMap((run) => run.events).some((event) => event.type === 'stage-waiting')).toBe(true);
  });

  it('has in an artifact what its stage says lies on another machine, and does not make it again', async () => {
    await using home = await temporaryState();
    const weights = {
      path: 'model/w.safetensors',
      sha256: sha256('65 GB'),
      bytes: 65e9,
      at: { machine: 'gpu', path: '/scratch/w.safetensors' },
    };
    let runs = 0;
    const graph = flow(async ({ output }) => {
      runs += 1;
      await output.text('model/config.json', '{}');
      output.reference(weights);
      return { counts: {} };
    });
    const first = await runDemo(home, { graph });
    expect(first.outcomes).toEqual(['done', 'done']);
    const fingerprint = first.finished.stages[0]?.fingerprint ?? raise();
    const manifest = await readManifest(home.state.artifact('first', fingerprint));
    expect(manifest?.outputs).toEqual([
      { path: 'model/config.json', sha256: sha256('{}'), bytes: 2 },
      { path: 'model/w.safetensors', sha256: weights.sha256, bytes: 65e9, at: weights.at },
    ]);
    expect(first.artifacts.get('first')?.files('model')).toEqual(manifest?.outputs);
    // Whoever reads it downstream has another fingerprint when the bytes over there are others.
    expect(first.artifacts.get('last')?.manifest.inputs.first?.digest).toBe(manifest?.digest);
    expect(manifest?.digest).not.toBe(manifest?.object);

    const second = await runDemo(home, { graph });
    expect(second.outcomes).toEqual(['cached', 'cached']);
    expect(second.artifacts.get('first')?.files('model')).toEqual(manifest?.outputs);
    expect(runs).toBe(1);
  });

  it('makes no artifact of two outputs of one path', async () => {
    await using home = await temporaryState();
    const at = { machine: 'gpu', path: '/scratch/a' };
    const graph = flow(async ({ output }) => {
      await output.text('a.txt', 'here');
      output.reference({ path: 'a.txt', sha256: sha256('there'), bytes: 5, at });
      return { counts: {} };
    });
    const { finished, outcomes } = await runDemo(home, { graph });
    expect(outcomes).toEqual(['failed', 'skipped']);
    expect(finished.error).toMatchObject({ code: 'internal', message: 'first has two outputs called a.txt' });
    expect(await readdir(home.state.staging)).toEqual([]);
    expect(await readdir(join(home.state.root, 'artifacts'))).toEqual([]);
  });

  it('writes down few of ten thousand steps, unless it is told otherwise', async () => {
    await using home = await temporaryState();
    const steps = 10_000;
    const graph = flow(async ({ emit }) => {
      for (let done = 1; done <= steps; done += 1) emit({ type: 'progress', done, total: steps, unit: 'rows' });
      return { counts: {} };
    });
    const { finished, events } = await runDemo(home, { graph, progressEveryMs: undefined });
    const progress = events.flatMap((event) => (event.type === 'progress' ? [event.done] : []));
    expect(progress[0]).toBe(1);
    expect(progress.at(-1)).toBe(steps);
    // Two; a few more if the machine stood still for half a second meanwhile.
    expect(progress.length).toBeLessThan(20);
    const journal = await readFile(join(home.state.run(finished.run), 'events.jsonl'), 'utf8');
    expect(journal.match(/"type":"progress"/g)).toHaveLength(progress.length);
  });

  it('accepts a graph only with stage names that exist', async () => {
    await using home = await temporaryState();
    const run = runDemo(home, { graph: demoGraph(), selection: { only: ['nmbers'] } });
    await expect(run).rejects.toMatchObject({ code: 'engine/unknown-stage', hint: 'Did you mean "numbers"?' });
  });
});

describe('mergeMetrics', () => {
  it('joins groups and lets the later figure count', () => {
    const base = { mini: { base: { f: 1 } }, cost: 1, list: [1] };
    expect(mergeMetrics(base, { mini: { tuned: { f: 2 } }, cost: 2, list: [2] })).toEqual({
      mini: { base: { f: 1 }, tuned: { f: 2 } },
      cost: 2,
      list: [2],
    });
  });
});

function raise(): never {
  throw new Error('no fingerprint');
}
