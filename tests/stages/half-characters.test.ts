import { describe, expect, it } from 'vitest';
import { graphNode } from '../../src/engine/flow/graph.js';
import { collect, collectParams } from '../../src/stages/collect/collect.js';
import { filter, filterParams } from '../../src/stages/filter/filter.js';
import type { StageServices } from '../../src/stages/services.js';
import { trace, traceParams } from '../../src/stages/trace/trace.js';
import { startOpenaiServer } from '../support/openai-server.js';
import { runNodes, stageHome, testModel, testServices } from '../support/stage-flow.js';
import { temporaryFolder } from '../support/temporary-folder.js';

describe('half a surrogate pair', () => {
  it('in a row, a verdict or an answer becomes a replacement character, and fails nothing', async () => {
    await using home = await stageHome();
    await using folder = await temporaryFolder();
    const file = await folder.write('tasks.jsonl', '{"prompt":"Write a query \\ud83d over names."}\n');
    await using server = await startOpenaiServer(({ prompt }) =>
      prompt.includes('JSON')
        ? {
            kind: 'answer',
            content: '{"relevant":true,"cwes":["CWE-89"],"confidence":0.9,"reason":"an injection \\ud83d"}',
          }
        : { kind: 'answer', reasoning: 'I think \ud83d', content: 'I answer \ude00', finish: 'stop' },
    );
    const run = await runNodes<StageServices>(
      home,
      [
        graphNode({
          name: 'collect',
          stage: collect,
          params: collectParams.parse({ sources: [{ file }] }),
          inputs: {},
        }),
        graphNode({ name: 'filter', stage: filter, params: filterParams.parse({}), inputs: { tasks: 'collect' } }),
        graphNode({ name: 'trace', stage: trace, params: traceParams.parse({}), inputs: { tasks: 'filter' } }),
      ],
      testServices(home, {
        specs: { classifier: testModel({ endpoint: server.url }), teacher: testModel({ endpoint: server.url }) },
      }),
    );
    expect(run.error).toBeUndefined();
    expect(await run.rows('collect', 'tasks.jsonl')).toMatchObject([{ prompt: 'Write a query \ufffd over names.' }]);
    expect(await run.rows('filter', 'kept.jsonl')).toMatchObject([{ reason: 'an injection \ufffd' }]);
    expect(await run.rows('trace', 'traces.jsonl.gz')).toMatchObject([
      { reasoning: 'I think \ufffd', answer: 'I answer \ufffd' },
    ]);
  });
});
