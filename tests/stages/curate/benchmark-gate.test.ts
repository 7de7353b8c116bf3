import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { packageRoot } from '../../../src/base/package-root.js';
import { graphNode } from '../../../src/engine/flow/graph.js';
import { defineStage } from '../../../src/engine/stage.js';
import { curate } from '../../../src/stages/curate/curate.js';
import { curateParams } from '../../../src/stages/curate/params.js';
import type { StageServices } from '../../../src/stages/services.js';
import type { Trace } from '../../../src/stages/trace/records.js';
import { loadMini } from '../../support/mini.js';
import { aRelevantTask, aTrace } from '../../support/records.js';
import { given, runNodes, type StageHome, stageHome, testServices } from '../../support/stage-flow.js';

const mini = await loadMini();
const problem = mini.problems.find(({ id }) => id === 'py-find-users');
if (problem === undefined) throw new Error('mini has no py-find-users');
const good = aTrace();
const answerWith = (code: string) => `Here it is:\n\n\`\`\`python\n${code}\`\`\`\n`;

/** Stands for the training: it counts how often it was begun. */
function training(begun: { times: number }) {
  return defineStage<null, 'samples', StageServices>({
    name: 'train',
    version: 1,
    params: z.null(),
    inputs: ['samples'],
    seeded: false,
    run: async ({ output }) => {
      begun.times += 1;
      await output.json('train.json', {});
      return { counts: {} };
    },
  });
}

async function runGate(
  traces: readonly Trace[],
  options: {
    readonly params?: object;
    readonly evaluated?: readonly string[];
    readonly home?: StageHome;
    readonly services?: Partial<StageServices>;
  } = {},
) {
  await using own = options.home === undefined ? await stageHome() : undefined;
  const home = options.home ?? (own as StageHome);
  const begun = { times: 0 };
  const relevant = [...new Map(traces.map(({ task }) => [task.id, task])).values()];
  const run = await runNodes<StageServices>(
    home,
    [
      given('collect', { files: { 'tasks.jsonl': [] } }),
      given('filter', { files: { 'kept.jsonl': relevant } }),
      given('trace', { files: { 'traces.jsonl.gz': traces } }),
      graphNode({
        name: 'curate',
        stage: curate,
        params: { ...curateParams.parse(options.params ?? {}), evaluated: [...(options.evaluated ?? ['mini'])] },
        inputs: { tasks: 'collect', relevant: 'filter', traces: 'trace' },
      }),
      graphNode({ name: 'train', stage: training(begun), params: null, inputs: { samples: 'curate' } }),
    ],
    testServices(home, options.services),
  );
  const made = run.outcomeOf('curate') === 'failed' ? undefined : (await run.artifact('curate')).manifest;
  return { run, error: run.error, made, trainings: begun.times };
}

describe('the gate before the training', () => {
  const solution = answerWith(problem.secure);
  const paraphrase = (
    parse(readFileSync(join(packageRoot, 'catalogue', 'labelled', 'paraphrases.yaml'), 'utf8')) as {
      look: Record<string, string[]>;
    }
  ).look['py-find-users']?.[0];
  const attacks: Readonly<Record<string, Partial<Trace>>> = {
    "a problem's solution in the answer": { answer: solution },
    "a problem's solution in the reasoning": { reasoning: `${good.reasoning}\nMy first idea:\n${problem.secure}` },
    'the task of a problem in the reasoning': { reasoning: `${good.reasoning} I know this one: ${problem.prompt}` },
    'a problem in other words as the task': { task: aRelevantTask({ prompt: paraphrase ?? '' }) },
  };

  it.each(Object.entries(attacks))('stops at %s, and nothing is trained', async (_, change) => {
    const bad = aTrace(change);
    const { run, error, trainings } = await runGate([good, bad]);
    expect(error).toMatchObject({
      code: 'curate/benchmark-in-samples',
      message: `what is trained on holds tasks, tests or solutions of what is evaluated: mini (1 of 2 samples: ${bad.task.id} (mini/py-find-users))`,
      hint: expect.stringMatching(/decontaminate: \[mini\].*on_contamination: report/),
    });
    expect([run.outcome, run.exitCode, run.outcomeOf('train'), trainings]).toEqual(['gate', 3, 'skipped', 0]);
  });

  it('looks whatever the filters do: switched off, for other suites, and after caps', async () => {
    const bad = aTrace({ answer: solution });
    for (const params of [{ filters: { contamination: false }, decontaminate: ['mini'] }, { cap: { per_language: 5 } }])
      expect((await runGate([bad], { params })).error?.code).toBe('curate/benchmark-in-samples');
    const dropped = await runGate([good, bad], { params: { decontaminate: ['mini'] } });
    expect(dropped.made?.reasons).toEqual({ contaminated: 1 });
    expect(dropped.trainings).toBe(1);
  });

  it('names three samples and counts the rest', async () => {
    const traces = Array.from({ length: 5 }, (_, row) =>
      aTrace({ task: aRelevantTask({ row: row + 1, prompt: `Write find_user, number ${row}.` }), answer: solution }),
    );
    const { error } = await runGate(traces);
    expect(error?.message.match(/task-[0-9a-f]+/g)).toEqual(traces.slice(0, 3).map(({ task }) => task.id));
    expect(error?.message).toMatch(/5 of 5 samples: .* and 2 more\)$/);
  });

  it('lets pass what any program has, and a task of the same kind', async () => {
    const boilerplate = [
      'import argparse\n\ndef main():\n    parser = argparse.ArgumentParser()\n    args = parser.parse_args()\n    print(args)\n\nif __name__ == "__main__":\n    main()\n',
      'import sqlite3\n\ndef find_user(db, name):\n    cur = db.cursor()\n    cur.execute("SELECT id FROM users WHERE name = ?", (name,))\n    return cur.fetchall()\n',
    ].map((code, row) =>
      aTrace({
        task: aRelevantTask({ row: row + 1, prompt: `Write find_user, number ${row}.` }),
        answer: answerWith(code),
      }),
    );
    const { error, made, trainings } = await runGate([good, ...boilerplate]);
    expect(error).toBeUndefined();
    expect(made?.counts).toEqual({ traces: 3, samples: 3, dropped: 0 });
    expect(trainings).toBe(1);
  });

  it("lets the quickstart's answers pass to all tasks but those that it takes from mini on purpose", async () => {
    const rows = (name: string) =>
      readFileSync(join(packageRoot, 'recipes', 'quickstart', name), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { answer: { reasoning: string; content: string } });
    const answers = rows('teacher.jsonl').map(({ answer }) => answer);
    const traces = answers.map(({ reasoning, content }, row) =>
      aTrace({ task: aRelevantTask({ row: row + 1, prompt: `Task ${row}` }), reasoning, answer: content }),
    );
    const params = { on_contamination: 'report', profile: 'shape', min_reasoning_characters: 0 };
    const { made } = await runGate(traces, { params });
    expect(made?.counts).toMatchObject({ samples: 24, in_mini: 18 });
  });

  it('lets the training begin where the recipe says so, counts, and warns', async () => {
    const { run, made, trainings } = await runGate([good, aTrace({ answer: solution })], {
      params: { on_contamination: 'report' },
    });
    expect(made?.counts).toEqual({ traces: 2, samples: 2, dropped: 0, in_mini: 1 });
    expect(trainings).toBe(1);
    expect(run.events.filter((event) => event.type === 'log' && event.level === 'warn')).toMatchObject([
      { message: expect.stringContaining('mini (1 of 2 samples') },
    ]);
  });

  it('looks once, again when a suite is added or changed, and trains nothing again for that', async () => {
    await using home = await stageHome();
    const digest = { mini: mini.digest as string, other: '0'.repeat(64) };
    const services = {
      suite: async (name: string) => (name === 'mini' ? mini : { ...mini, name, references: [] }),
      suiteDigest: async (name: string) => digest[name as keyof typeof digest] as typeof mini.digest,
    };
    const outcomes = async (evaluated: readonly string[], traces = [good]) => {
      const { run } = await runGate(traces, { home, evaluated, services });
      return ['curate', 'train'].map((node) => run.outcomeOf(node));
    };
    expect(await outcomes(['mini'])).toEqual(['done', 'done']);
    expect(await outcomes(['mini'])).toEqual(['cached', 'cached']);
    expect(await outcomes(['mini', 'other'])).toEqual(['done', 'cached']);
    digest.other = '1'.repeat(64);
    expect(await outcomes(['mini', 'other'])).toEqual(['done', 'cached']);
    const bad = [aTrace({ answer: solution })];
    expect(await outcomes(['other'], bad)).toEqual(['done', 'done']);
    expect(await outcomes(['other', 'mini'], bad)).toEqual(['failed', 'skipped']);
  });

  it('knows a problem that two suites have', async () => {
    const services = {
      suite: async (name: string) => ({ ...mini, name }),
      suiteDigest: async () => mini.digest,
    };
    const bad = aTrace({ answer: solution });
    const both = await runGate([bad], { evaluated: ['mini', 'copy'], services });
    expect(both.error?.message).toMatch(/mini \(1 of 1 .*; copy \(1 of 1 /);
    const filtered = await runGate([good, bad], { params: { decontaminate: ['mini', 'copy'] }, services });
    expect(filtered.made?.reasons).toEqual({ contaminated: 1 });
  });

  it('says before anything is asked that a suite is not set up', async () => {
    await using home = await stageHome();
    const params = { ...curateParams.parse({}), evaluated: ['cweval'] };
    const asked = curate.ready?.({ params, services: testServices(home), signal: new AbortController().signal });
    await expect(asked).rejects.toMatchObject({ code: 'suites/not-set-up' });
  });
});
