import { join } from 'node:path';
import { expect, it } from 'vitest';
import { graphNode } from '../../../src/engine/flow/graph.js';
import { modelFolders } from '../../../src/models/answers/model-folder.js';
import { openRecording } from '../../../src/models/answers/recording.js';
import { exportAnswers } from '../../../src/models/answers/upkeep/export-answers.js';
import { importAnswers } from '../../../src/models/answers/upkeep/import-answers.js';
import type { ModelSpec } from '../../../src/models/model-spec.js';
import type { StageServices } from '../../../src/stages/services.js';
import { trace, traceParams } from '../../../src/stages/trace/trace.js';
import { startOpenaiServer } from '../../support/openai-server.js';
import { aRelevantTask } from '../../support/records.js';
import { given, runNodes, type StageHome, stageHome, testModel, testServices } from '../../support/stage-flow.js';

const tasks = Array.from({ length: 12 }, (_, row) => aRelevantTask({ prompt: `Task ${row}.`, row: row + 1 }));

async function digestOf(home: StageHome, teacher: ModelSpec): Promise<string> {
  const run = await runNodes<StageServices>(
    home,
    [
      given('filter', { files: { 'kept.jsonl': tasks }, counts: { kept: tasks.length } }),
      graphNode({
        name: 'trace',
        stage: trace,
        params: traceParams.parse({ samples: 2 }),
        inputs: { tasks: 'filter' },
      }),
    ],
    testServices(home, { specs: { teacher } }),
  );
  expect(run.error).toBeUndefined();
  return (await run.artifact('trace')).manifest.digest;
}

it('a data stage is the same to the bit from an export of its answers, with no endpoint and no key', async () => {
  await using home = await stageHome();
  const { signal } = new AbortController();
  let digest: string;
  {
    await using server = await startOpenaiServer((chat, call) => ({
      kind: 'answer',
      // Unlike each other, also when a question is asked again: a fresh answer would show.
      content: `${chat.prompt} ${call}`,
      reasoning: call % 3 === 0 ? 'I think.' : '',
      finish: 'stop',
    }));
    digest = await digestOf(home, testModel({ endpoint: server.url }));
  }
  const [model] = await modelFolders(home.state.root);
  if (model === undefined) throw new Error('nothing was bought');
  for (const file of ['teacher.jsonl', 'teacher.jsonl.gz']) {
    const path = join(home.folder, file);
    expect(await exportAnswers(model, path, signal)).toMatchObject({ answers: 24 });
    await using replayed = await stageHome();
    expect(await digestOf(replayed, testModel({ replay: path }))).toBe(digest);

    await using imported = await stageHome();
    await using recording = await openRecording(path);
    await importAnswers(recording, { stateDir: imported.state.root, signal });
    // Nobody listens there, and the key is not set: whoever asks fails.
    const spec = testModel({ endpoint: 'http://127.0.0.1:9/v1', api_key_env: 'NO_SUCH_KEY' });
    expect(await digestOf(imported, spec)).toBe(digest);
  }
});
