import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { graphNode } from '../../../src/engine/flow/graph.js';
import { openHub } from '../../../src/hub/open-hub.js';
import { base, baseParams } from '../../../src/stages/base/base.js';
import { baseSchema } from '../../../src/stages/base/records.js';
import type { StageServices } from '../../../src/stages/services.js';
import { type HubServer, startHubServer } from '../../support/hub-server.js';
import { runNodes, type StageHome, stageHome, testServices } from '../../support/stage-flow.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

function runBase(home: StageHome, params: object, server?: HubServer) {
  const hub = server && openHub({ hubUrl: server.url, token: undefined, redact: (text) => text });
  return runNodes<StageServices>(
    home,
    [graphNode({ name: 'base', stage: base, params: baseParams.parse({ model: 'org/model', ...params }), inputs: {} })],
    testServices(home, hub === undefined ? {} : { hub }),
  );
}

describe('a base model in a folder', () => {
  it('is copied, and read again only when its bytes change', async () => {
    await using home = await stageHome();
    await using folder = await temporaryFolder();
    await folder.write('config.json', '{}');
    await folder.write('sub/model.safetensors', 'weights');
    const first = await runBase(home, { folder: folder.path });
    expect(first.error).toBeUndefined();
    expect(await (await first.artifact('base')).json('base.json', baseSchema)).toEqual({
      schema: 1,
      name: 'org/model',
      origin: 'folder',
      revision: null,
      facts: {},
    });
    expect(await first.text('base', 'model/sub/model.safetensors')).toBe('weights');

    // The same bytes elsewhere are the same model.
    await using moved = await temporaryFolder();
    await moved.write('config.json', '{}');
    await moved.write('sub/model.safetensors', 'weights');
    expect((await runBase(home, { folder: moved.path })).outcomeOf('base')).toBe('cached');
    await writeFile(join(folder.path, 'config.json'), '{ }');
    expect((await runBase(home, { folder: folder.path })).outcomeOf('base')).toBe('done');
  });

  it('is either that or built here', () => {
    const both = baseParams.safeParse({ model: 'm', folder: '/a', tiny: { rows: '/b' } });
    expect(both.error?.issues[0]).toMatchObject({ path: ['tiny'], message: expect.stringContaining('not both') });
  });
});

describe('a base model on the Hub', () => {
  it('is pinned to a commit, and only what a model needs is fetched', async () => {
    await using home = await stageHome();
    await using server = await startHubServer();
    const commit = server.commit('model', 'org/model', {
      'config.json': '{}',
      'model.safetensors': 'weights',
      'tokenizer.json': '{}',
      'chat_template.jinja': 'x',
      'pytorch_model.bin': 'pickle',
      'README.md': 'about',
      'modeling_custom.py': 'import os',
      'onnx/model.onnx': 'other',
    });
    const run = await runBase(home, {}, server);
    expect(run.error).toBeUndefined();
    const artifact = await run.artifact('base');
    expect(artifact.manifest.outputs.map(({ path }) => path).sort()).toEqual([
      'base.json',
      'model/chat_template.jinja',
      'model/config.json',
      'model/model.safetensors',
      'model/tokenizer.json',
    ]);
    expect(await artifact.json('base.json', baseSchema)).toMatchObject({ origin: 'hub', revision: commit });
    expect(await readFile(artifact.path('model/model.safetensors'), 'utf8')).toBe('weights');
    expect(JSON.stringify(artifact.manifest.preimage)).toContain(commit);
  });

  it('is refused without safetensors, because pickled weights can run code', async () => {
    await using home = await stageHome();
    await using server = await startHubServer();
    server.commit('model', 'org/model', { 'config.json': '{}', 'pytorch_model.bin': 'pickle' });
    expect((await runBase(home, {}, server)).error).toMatchObject({
      code: 'base/no-weights',
      hint: expect.stringContaining('safetensors'),
    });
  });
});
