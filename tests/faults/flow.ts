import { appendFileSync, existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { sha256 } from '../../src/base/hash.js';
import { buildGraph, graphNode } from '../../src/engine/flow/graph.js';
import type { JournalEvent } from '../../src/engine/runs/event.js';
import { executeRun, type RunResult } from '../../src/engine/runs/runner.js';
import { defineStage } from '../../src/engine/stage.js';
import { stateDirectory } from '../../src/engine/state-directory.js';
import { AnswerStore } from '../../src/models/answers/answer-store.js';

/**
 * A small flow that writes to the disk in every way there is: answers that are bought, a work log, a training whose result is
 * adopted, row files, artifacts, hashes that are remembered, locks, the journal. What must not be lost once it is there leaves a
 * line in a side file, so that a test can see whether it was done twice.
 */

export const ROWS = 3;

interface Services {
  readonly root: string;
  readonly say: (line: string) => void;
}

const Row = z.strictObject({ n: z.number(), answer: z.string() });
const nothing = z.strictObject({});
type Nothing = z.output<typeof nothing>;

const buy = defineStage<Nothing, never, Services>({
  name: 'buy',
  version: 1,
  params: nothing,
  inputs: [],
  seeded: true,
  run: async ({ seed, work, output, services: { root, say }, emit }) => {
    await using store = await AnswerStore.open(join(root, 'answers', 'model'));
    const log = await work.log('scored.jsonl', { schema: Row, key: (row) => String(row.n) });
    const one = async (n: number): Promise<void> => {
      const key = { request: sha256(`question ${n}`), attempt: 0 };
      if (!store.has(key)) {
        say(`bought ${n}`);
        const content = `answer ${n * seed}`;
        const answer = {
          request: key.request,
          reasoning: null,
          content,
          finish: 'stop',
          tokens: { input: 1, output: 1 },
        } as const;
        await store.put(key, answer, 0.01);
        say(`kept ${n}`);
      }
      if (log.has(String(n))) return;
      say(`scored ${n}`);
      await log.append({ n, answer: (await store.get(key))?.answer.content ?? 'lost' });
      say(`logged ${n}`);
    };
    await Promise.all(Array.from({ length: ROWS }, (_, n) => one(n)));
    emit({ type: 'progress', done: ROWS, total: ROWS, unit: 'rows' });
    const rows = await output.rows('deep/rows.jsonl');
    for (let n = 0; n < ROWS; n += 1) await rows.write((await log.get(String(n))) ?? {});
    return { counts: { rows: ROWS }, cost_usd: 0.03 };
  },
});

const train = defineStage<Nothing, 'rows', Services>({
  name: 'train',
  version: 1,
  params: nothing,
  inputs: ['rows'],
  seeded: false,
  run: async ({ inputs, work, output, services: { say } }) => {
    if (!existsSync(work.path('done'))) {
      say('training');
      await writeFile(work.path('out/weights'), `trained on ${inputs.rows.manifest.digest}`);
      await writeFile(work.path('loss'), '0.1\n');
      await writeFile(work.path('done'), '');
      say('trained');
    }
    await output.adopt('model', work.path('out'));
    await output.adopt('loss', work.path('loss'));
    await output.json('train.json', { schema: 1 });
    return { counts: { steps: 1 } };
  },
});

const report = defineStage<Nothing, 'rows' | 'model', Services>({
  name: 'report',
  version: 1,
  params: nothing,
  inputs: ['rows', 'model'],
  seeded: false,
  run: async ({ inputs, output }) => {
    const answers: string[] = [];
    for await (const row of inputs.rows.rows('deep/rows.jsonl', Row)) answers.push(row.answer);
    await output.text('report.txt', `${answers.join('\n')}\n${inputs.model.digest('model')}\n`);
    return { counts: {} };
  },
});

export interface FlowHome {
  readonly root: string;
  readonly sideFile: string;
}

/** Runs the flow once. */
export async function runFlow(
  { root, sideFile }: FlowHome,
  onEvent?: (event: JournalEvent) => void,
): Promise<RunResult> {
  return executeRun<Services>({
    graph: buildGraph<Services>([
      graphNode({ name: 'buy', stage: buy, params: {}, inputs: {} }),
      graphNode({ name: 'train', stage: train, params: {}, inputs: { rows: 'buy' } }),
      graphNode({ name: 'report', stage: report, params: {}, inputs: { rows: 'buy', model: 'train' } }),
    ]),
    state: stateDirectory(root),
    seed: 3,
    services: { root, say: (line) => appendFileSync(sideFile, `${line}\n`) },
    signal: new AbortController().signal,
    recipe: { name: 'faults', sha256: sha256('faults') },
    version: '0.0.0',
    files: { 'recipe.json': '{}\n' },
    redact: (text) => text,
    ...(onEvent === undefined ? {} : { onEvent }),
  });
}
