import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/package-root.js';
import { graphNode } from '../../src/engine/flow/graph.js';
import { collect, collectParams } from '../../src/stages/collect/collect.js';
import { droppedRowSchema } from '../../src/stages/collect/records.js';
import { SuiteTexts } from '../../src/stages/decontamination.js';
import type { StageServices } from '../../src/stages/services.js';
import { loadMini } from '../support/mini.js';
import { runNodes, stageHome, testServices } from '../support/stage-flow.js';

const mini = await loadMini();

/** The problems of mini as a data set, among tasks that have nothing to do with it. */
const rows = [
  { prompt: 'Write a function that rotates a matrix by ninety degrees, in place.', language: 'python' },
  ...mini.problems.map(({ prompt, language }) => ({ prompt, language })),
  { prompt: 'Write a function that turns a roman numeral into a number.', language: 'go' },
];

async function runCollect(decontaminate: readonly string[], given?: string) {
  await using home = await stageHome();
  const file = given ?? join(home.folder, 'tasks.jsonl');
  if (given === undefined) await writeFile(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const params = collectParams.parse({
    sources: [{ file, language: 'language' }],
    near_duplicates: false,
    decontaminate,
  });
  const run = await runNodes<StageServices>(
    home,
    [graphNode({ name: 'collect', stage: collect, params, inputs: {} })],
    testServices(home),
  );
  expect(run.error).toBeUndefined();
  return {
    tasks: await run.rows('collect', 'tasks.jsonl'),
    dropped: (await run.rows('collect', 'dropped.jsonl')).map((row) => droppedRowSchema.parse(row)),
    manifest: (await run.artifact('collect')).manifest,
  };
}

describe('decontamination of the collected tasks', () => {
  it('catches every problem of the suite, by name, when it is on', async () => {
    const { tasks, dropped, manifest } = await runCollect(['mini']);
    expect(tasks.map(({ prompt }) => prompt)).toEqual([rows[0]?.prompt, rows.at(-1)?.prompt]);
    expect(manifest.reasons).toEqual({ contaminated: mini.problems.length });
    for (const [index, { id }] of mini.problems.entries()) {
      expect(dropped[index]).toMatchObject({ code: 'contaminated', detail: expect.stringContaining(`mini/${id}`) });
    }
  });

  it('catches nothing when it is off, and the difference is part of the fingerprint', async () => {
    const off = await runCollect([]);
    const on = await runCollect(['mini']);
    expect(off.tasks).toHaveLength(rows.length);
    expect(off.manifest.reasons).toEqual({});
    expect(on.manifest.fingerprint).not.toBe(off.manifest.fingerprint);
    expect(JSON.stringify(on.manifest.preimage)).toContain(mini.digest);
  });

  it('catches what the quickstart trains on, which switches it off for that reason', async () => {
    const file = join(packageRoot, 'recipes', 'quickstart', 'tasks.jsonl');
    const off = await runCollect([], file);
    expect(off.manifest.reasons).toEqual({});
    const on = await runCollect(['mini'], file);
    expect(on.manifest.counts.rows).toBe(off.tasks.length);
    const caught = on.dropped.map(({ prompt }) => prompt);
    expect(caught).toEqual(expect.arrayContaining(mini.problems.map(({ prompt }) => prompt)));
    // One more is a task of the same kind, which reads like a paraphrase.
    expect(on.manifest.reasons.contaminated).toBeLessThanOrEqual(mini.problems.length + 1);
  });

  it('refuses a suite that nobody knows', async () => {
    await using home = await stageHome();
    await expect(SuiteTexts.open(['minni'], testServices(home))).rejects.toMatchObject({
      code: 'suites/unknown-suite',
    });
  });
});
