import { join } from 'node:path';
import { expect, it } from 'vitest';
import { graphNode } from '../../../src/engine/flow/graph.js';
import { modelFolders } from '../../../src/models/answers/model-folder.js';
import { openRecording } from '../../../src/models/answers/recording.js';
import { exportAnswers } from '../../../src/models/answers/upkeep/export-answers.js';
import { importAnswers } from '../../../src/models/answers/upkeep/import-answers.js';
import { collect, collectParams } from '../../../src/stages/collect/collect.js';
import { filter, filterParams } from '../../../src/stages/filter/filter.js';
import type { StageServices } from '../../../src/stages/services.js';
import { trace, traceParams } from '../../../src/stages/trace/trace.js';
import { startOpenaiServer } from '../../support/openai-server.js';
import { runNodes, type StageHome, stageHome, testModel, testServices } from '../../support/stage-flow.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

/** From rows to traces on one machine. Nobody listens at the address where none is given: whoever asks fails. */
async function traced(home: StageHome, file: string, shard?: string, endpoint = 'http://127.0.0.1:9/v1') {
  const inputs = { tasks: 'collect' };
  const specs = {
    classifier: testModel({ model: 'org/classifier', endpoint }),
    teacher: testModel({ model: 'org/teacher', endpoint }),
  };
  const run = await runNodes<StageServices>(
    home,
    [
      graphNode({
        name: 'collect',
        stage: collect,
        params: collectParams.parse({ sources: [{ file }], near_duplicates: false, shard }),
        inputs: {},
      }),
      graphNode({ name: 'filter', stage: filter, params: filterParams.parse({}), inputs }),
      graphNode({ name: 'trace', stage: trace, params: traceParams.parse({}), inputs: { tasks: 'filter' } }),
    ],
    testServices(home, { specs }),
  );
  expect(run.error).toBeUndefined();
  return run.rows('trace', 'traces.jsonl.gz');
}

it('shards that three machines have bought answers for make the whole on a fourth, which buys none', async () => {
  await using folder = await temporaryFolder();
  await using merged = await stageHome();
  const { signal } = new AbortController();
  const prompts = Array.from(
    { length: 30 },
    (_, n) => `Write a ${n % 2 === 0 ? 'Go' : 'C'} function for case ${n * n}.`,
  );
  const file = await folder.write('t.jsonl', prompts.map((prompt) => JSON.stringify({ prompt })).join('\n'));
  const parts: unknown[] = [];
  {
    await using server = await startOpenaiServer(({ body }, call) => ({
      kind: 'answer',
      // Unlike any other: a fresh answer would show.
      content: JSON.stringify({ relevant: true, cwes: ['CWE-89'], confidence: 0.9, reason: `${call}` }),
      reasoning: JSON.stringify(body).length % 2 === 0 ? 'I think.' : '',
      finish: 'stop',
    }));
    for (const part of [1, 2, 3]) {
      await using machine = await stageHome();
      parts.push(...(await traced(machine, file, `${part}/3`, server.url)));
      for (const model of await modelFolders(machine.state.root)) {
        const path = join(folder.path, `${part}-${model.name}.jsonl.gz`);
        await exportAnswers(model, path, signal);
        await using recording = await openRecording(path);
        await importAnswers(recording, { stateDir: merged.state.root, signal });
      }
    }
  }
  const whole = await traced(merged, file);
  expect(whole).toHaveLength(prompts.length);
  const inOrder = (rows: readonly unknown[]) => rows.map((row) => JSON.stringify(row)).sort();
  expect(inOrder(whole)).toEqual(inOrder(parts));
});
