import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { openTarget } from '../../../src/compute/open-target.js';
import { THIS_MACHINE } from '../../../src/compute/target.js';
import { openHub } from '../../../src/hub/open-hub.js';
import type { Scores } from '../../../src/stages/evaluate/records.js';
import { checkGates } from '../../../src/stages/publish/gates.js';
import { publishParams, publishProblem } from '../../../src/stages/publish/params.js';
import type { StageServices } from '../../../src/stages/services.js';
import { type HubServer, startHubServer, WRITE_TOKEN } from '../../support/hub-server.js';
import { pythonForTests } from '../../support/python.js';
import { stageHome } from '../../support/stage-flow.js';
import { report, runPublish, samples, scores, weights } from './fixtures/run-publish.js';

function hubOf(server: HubServer, token: string | undefined = WRITE_TOKEN): Partial<StageServices> {
  const retry = { retries: 2, firstDelayMs: 0, longestDelayMs: 0 };
  return { hub: openHub({ hubUrl: server.url, token, redact: (text) => text, retry }) };
}

/** The metadata of a card. */
function metadataOf(card: string | Buffer | undefined): Record<string, unknown> {
  return parse(/^---\n([\s\S]*?)\n---\n/.exec(String(card))?.[1] ?? '') as Record<string, unknown>;
}

const repo = 'org/tuned';

describe('a folder', () => {
  it('holds model, data, report and cards', async () => {
    await using home = await stageHome();
    const folder = join(home.folder, 'out');
    const run = await runPublish(home, { folder });
    expect(run.error).toBeUndefined();
    const { destinations } = await run.published();
    expect(destinations.map(({ kind, name }) => [kind, name])).toEqual([['folder', null]]);
    expect(destinations[0]?.files.map((file) => file.path)).toEqual([
      'README.md',
      'adapter_config.json',
      'adapter_model.safetensors',
      'report.html',
      'scores.json',
      'dataset/README.md',
      'dataset/data/train.jsonl.gz',
    ]);
    expect(await readFile(join(folder, 'adapter_model.safetensors'), 'utf8')).toBe('adapter weights');
    const rows = gunzipSync(await readFile(join(folder, 'dataset/data/train.jsonl.gz'))).toString();
    expect(rows.split('\n')).toHaveLength(4);
    expect(await readFile(join(folder, 'README.md'), 'utf8')).toBe(await run.text('publish', 'cards/model.md'));
  });

  it('decides no byte of the artifact by where it lies', async () => {
    await using home = await stageHome();
    await using other = await stageHome();
    const here = await runPublish(home, { folder: join(home.folder, 'out') });
    const there = await runPublish(other, { folder: join(other.folder, 'somewhere', 'else') });
    expect(await here.digest()).toBe(await there.digest());
    const artifact = await here.artifact('publish');
    for (const { path } of artifact.manifest.outputs) {
      const text = await here.text('publish', path);
      expect(text).not.toContain(home.folder);
      expect(text).not.toMatch(/\b20\d\d-\d\d-\d\d/);
    }
  });

  it('is published to once, and again when it no longer holds what was published', async () => {
    await using home = await stageHome();
    const folder = join(home.folder, 'out');
    const first = await runPublish(home, { folder });
    expect((await runPublish(home, { folder })).stage).toBe('cached');
    await writeFile(join(folder, 'scores.json'), 'changed');
    const second = await runPublish(home, { folder });
    expect(second.stage).toBe('done');
    expect(second.logs).toEqual(['wrote 1 files, 6 were there']);
    await rm(folder, { recursive: true });
    expect((await runPublish(home, { folder })).stage).toBe('done');
    expect((await runPublish(home, { folder: join(home.folder, 'moved') })).stage).toBe('done');
    expect(await first.digest()).toBe(await second.digest());
  });

  it('holds merged weights beside an adapter or in its place', async () => {
    await using home = await stageHome();
    const paths = async (push: string[], options = {}) => {
      const run = await runPublish(home, { folder: join(home.folder, push.join('-')), push }, options);
      return run.error?.code ?? (await run.published()).destinations[0]?.files.map((file) => file.path);
    };
    expect(await paths(['adapter', 'merged'])).toEqual([
      'README.md',
      'adapter_config.json',
      'adapter_model.safetensors',
      'merged/config.json',
      'merged/model.safetensors',
    ]);
    expect(await paths(['merged'])).toEqual(['README.md', 'config.json', 'model.safetensors']);
    const full = { weights: { 'model/model.safetensors': 'full weights' }, trained: { method: 'full' as const } };
    expect(await paths(['merged', 'report'], full)).toEqual([
      'README.md',
      'model.safetensors',
      'report.html',
      'scores.json',
    ]);
    expect(await paths(['adapter', 'report'], full)).toBe('publish/no-weights');
  });
});

/** This machine as a target that uploads with this token. */
function uploader(token: string | undefined): Partial<StageServices> {
  const target = openTarget(
    { local: { device: 'cpu', threads: 1 }, secrets: ['HF_TOKEN'] },
    { python: async () => pythonForTests ?? Promise.reject(), variables: { ...process.env, HF_TOKEN: token } },
  );
  return { target: () => target, machineOf: () => THIS_MACHINE };
}

describe.skipIf(pythonForTests === undefined)('merged weights that a target uploads', () => {
  const params = { repo, push: ['adapter', 'merged', 'report'], on: 'far' };

  it('end in the same repository with the same files, recognised like all others', async () => {
    await using server = await startHubServer();
    await using home = await stageHome();
    const pathHere: StageServices['pathHere'] = async (folder) => {
      if (typeof folder !== 'string' || folder.endsWith('/model'))
        throw new Error('the weights were to stay where they are');
      return folder;
    };
    const services = { ...hubOf(server), ...uploader(WRITE_TOKEN), pathHere };
    const run = await runPublish(home, params, { services });
    expect(run.error).toBeUndefined();
    expect(String(server.files('model', repo)['merged/model.safetensors'])).toBe(weights['model/model.safetensors']);
    expect(server.messages('model', repo)).toEqual(['Publish demo', 'Publish demo: weights']);
    expect((await runPublish(home, params, { services })).stage).toBe('cached');

    await using other = await stageHome();
    const here = await runPublish(other, { ...params, on: undefined, repo: 'org/other' }, { services: hubOf(server) });
    const filesOf = async ({ published }: typeof run) =>
      (await published()).destinations.flatMap(({ files }) => files).filter(({ path }) => path !== 'README.md');
    const byPath = (a: { path: string }, b: { path: string }) => (a.path < b.path ? -1 : 1);
    expect((await filesOf(run)).sort(byPath)).toEqual((await filesOf(here)).sort(byPath));

    // Somebody else's commit makes it look again, and nothing is sent twice.
    server.commit('model', repo, { 'scores.json': 'changed' });
    const puts = server.count('lfs-put');
    expect((await runPublish(home, params, { services })).stage).toBe('done');
    expect(server.messages('model', repo).at(-1)).toBe('Publish demo');
    expect(server.count('lfs-put')).toBe(puts);
  });

  it('leave the token nowhere, and say what a Hub refuses without what it echoes', async () => {
    await using server = await startHubServer();
    await using home = await stageHome();
    const wrong = 'hf_tokenThatNobodyKnows00001';
    const run = await runPublish(home, params, { services: { ...hubOf(server), ...uploader(wrong) } });
    expect(run.error).toMatchObject({
      code: 'trainer/hub-refused',
      message: expect.stringContaining('it answered 401'),
    });
    expect(Object.keys(server.files('model', repo))).toContain('README.md');
    const left = await readdir(home.folder, { recursive: true, withFileTypes: true });
    const texts = await Promise.all(
      left.filter((one) => one.isFile()).map((one) => readFile(join(one.parentPath, one.name), 'latin1')),
    );
    expect(texts.length).toBeGreaterThan(10);
    for (const text of texts) expect(text).not.toContain(wrong);
    for (const token of [wrong, WRITE_TOKEN]) expect(JSON.stringify([run.events, run.error])).not.toContain(token);
  });
});

describe.skipIf(pythonForTests === undefined)('an upload from elsewhere that fails', () => {
  const params = { repo, push: ['merged', 'report'], on: 'far' };

  it('in the middle says what was answered, and nowhere the address of the storage, which real ones sign', async () => {
    await using server = await startHubServer();
    await using home = await stageHome();
    server.fail('lfs-put', { kind: 'status', status: 403 }, { times: 99 });
    const run = await runPublish(home, params, { services: { ...hubOf(server), ...uploader(WRITE_TOKEN) } });
    expect(run.error).toMatchObject({
      code: 'trainer/hub-refused',
      message: expect.stringContaining('it answered 403'),
    });
    const left = await readdir(home.folder, { recursive: true, withFileTypes: true });
    for (const one of left.filter((entry) => entry.isFile()))
      expect(await readFile(join(one.parentPath, one.name), 'latin1')).not.toContain(`/lfs/${repo}`);
  });
});

describe.skipIf(pythonForTests === undefined)('an upload from elsewhere that was cut off', () => {
  it('sends what had arrived whole not again, and the rest', async () => {
    await using server = await startHubServer();
    await using home = await stageHome();
    const two = { 'model/a.safetensors': 'the first half', 'model/b.safetensors': 'the second half' };
    const options = {
      services: { ...hubOf(server), ...uploader(WRITE_TOKEN) },
      weights: { 'model/config.json': '{}', ...two },
      trained: { method: 'full' as const },
    };
    const params = { repo, push: ['merged', 'report'], on: 'far' };
    server.fail('lfs-put', { kind: 'status', status: 403 }, { skip: 1 });
    expect((await runPublish(home, params, options)).error?.code).toBe('trainer/hub-refused');
    const sent = () => server.calls.flatMap(({ route, body }) => (route === 'lfs-put' ? [String(body)] : []));
    const [arrived, lost] = sent();
    expect(Object.values(two)).toEqual(expect.arrayContaining([arrived, lost]));
    expect((await runPublish(home, params, options)).stage).toBe('done');
    expect(sent()).toEqual([arrived, lost, lost]);
    expect(String(server.files('model', repo)['b.safetensors'])).toBe('the second half');
  }, 60_000);
});

describe('the Hub', () => {
  it('gets everything in one private repository, once', async () => {
    await using server = await startHubServer();
    await using home = await stageHome();
    const run = await runPublish(home, { repo }, { services: hubOf(server) });
    expect(run.error).toBeUndefined();
    const files = server.files('model', repo);
    expect(Object.keys(files)).toContain('dataset/data/train.jsonl.gz');
    expect(String(files['adapter_model.safetensors'])).toBe(weights['adapter/adapter_model.safetensors']);
    expect(String(files['README.md'])).toBe(await run.text('publish', 'cards/model.md'));
    expect(server.isPrivate('model', repo)).toBe(true);
    expect(server.messages('model', repo)).toEqual(['Publish demo']);
    const { destinations } = await run.published();
    expect(destinations).toMatchObject([
      { kind: 'hub', repo: 'model', name: repo, commit: server.head('model', repo) },
    ]);

    expect((await runPublish(home, { repo }, { services: hubOf(server) })).stage).toBe('cached');
    expect(server.count('commit')).toBe(1);
  });

  it('gets the data in a repository of its own, which the model card names', async () => {
    await using server = await startHubServer();
    await using home = await stageHome();
    const params = { repo, dataset_repo: 'org/traces', folder: join(home.folder, 'out') };
    const run = await runPublish(home, params, { services: hubOf(server) });
    expect(run.error).toBeUndefined();
    expect(Object.keys(server.files('dataset', 'org/traces'))).toEqual(['README.md', 'data/train.jsonl.gz']);
    expect(Object.keys(server.files('model', repo)).some((path) => path.startsWith('dataset/'))).toBe(false);
    expect(metadataOf(server.files('model', repo)['README.md']).datasets).toEqual(['org/traces']);
    expect((await run.published()).destinations.map(({ kind }) => kind)).toEqual(['folder', 'hub', 'hub']);
    expect((await runPublish(home, params, { services: hubOf(server) })).stage).toBe('cached');
  });

  it('is pushed to again when files are missing or other, and not for what others add', async () => {
    await using server = await startHubServer();
    await using home = await stageHome();
    const again = async () => (await runPublish(home, { repo }, { services: hubOf(server) })).stage;
    await again();
    server.commit('model', repo, { 'NOTES.md': 'by hand' });
    expect(await again()).toBe('cached');
    server.commit('model', repo, { 'README.md': 'edited' });
    expect(await again()).toBe('done');
    expect(server.messages('model', repo)).toEqual([
      'Publish demo',
      'by somebody else',
      'by somebody else',
      'Publish demo',
    ]);
    server.commit('model', repo, { 'adapter_model.safetensors': 'other weights' });
    expect(await again()).toBe('done');
    server.delete('model', repo);
    expect(await again()).toBe('done');
    expect(Object.keys(server.files('model', repo))).toContain('README.md');
  });

  it('need not be there for what is published already', async () => {
    const server = await startHubServer();
    await using home = await stageHome();
    await runPublish(home, { repo }, { services: hubOf(server) });
    expect((await runPublish(home, { repo }, { services: hubOf(server, undefined) })).stage).toBe('cached');
    await server[Symbol.asyncDispose]();
    expect((await runPublish(home, { repo }, { services: hubOf(server) })).stage).toBe('cached');
  });

  it('gets no second commit after a run that died between push and artifact', async () => {
    await using server = await startHubServer();
    await using home = await stageHome();
    const services = hubOf(server);
    const controller = new AbortController();
    const { hub } = services;
    if (hub === undefined) throw new Error('no hub');
    const dying = {
      hub: {
        ...hub,
        push: async (...args: Parameters<typeof hub.push>) => {
          const outcome = await hub.push(...args);
          controller.abort(new Error('killed'));
          return outcome;
        },
      },
    };
    const first = await runPublish(home, { repo }, { services: dying, signal: controller.signal });
    expect(first.outcome).toBe('interrupted');
    const second = await runPublish(home, { repo }, { services });
    expect(second.stage).toBe('done');
    expect(second.logs.at(-1)).toContain('uploaded 0 files (0 bytes)');
    expect(server.messages('model', repo)).toEqual(['Publish demo']);
    expect((await second.published()).destinations[0]?.commit).toBe(server.head('model', repo));
  });

  it('fails with a clear word and nothing half-made without a token', async () => {
    await using server = await startHubServer();
    await using home = await stageHome();
    const run = await runPublish(home, { repo }, { services: hubOf(server, '') });
    expect(run).toMatchObject({ outcome: 'failed', exitCode: 1, error: { code: 'hub/no-token' } });
    expect(server.calls).toEqual([]);
    await expect(run.artifact('publish')).rejects.toThrow();
  });
});

describe('gates', () => {
  const gated = async (gates: object) => {
    await using home = await stageHome();
    const folder = join(home.folder, 'out');
    const { outcome, exitCode, error } = await runPublish(home, { folder, gates });
    const written = await readFile(join(folder, 'README.md')).then(
      () => true,
      () => false,
    );
    return { outcome, exitCode, code: error?.code, message: error?.message, written };
  };

  it('let pass what is good enough, to the last digit', async () => {
    // Base 1 of 4, tuned 3 of 4.
    const gates = { min_gain: { 'mini.func_sec_at_1': 0.5 }, max_drop: { 'mini.func_at_1': 0 } };
    expect(await gated(gates)).toMatchObject({ outcome: 'done', exitCode: 0, written: true });
  });

  it('stop what is not, naming figure, wish and measurement, with exit code 3', async () => {
    const gates = {
      min_gain: { 'mini.func_sec_at_1': 0.6, 'mini.func_at_1': -0.1 },
      max_drop: { 'mini.sec_ratio': -0.8 },
    };
    const run = await gated(gates);
    expect(run).toMatchObject({ outcome: 'gate', exitCode: 3, code: 'publish/gate', written: false });
    expect(run.message).toBe(
      'nothing was published: mini.func_sec_at_1 should gain at least +60.0 points and changed by +50.0 (base 25.0 %, tuned 75.0 %); mini.sec_ratio may drop by at most −80.0 points and changed by +50.0 (base 25.0 %, tuned 75.0 %)',
    );
  });

  it('hold those two variants against each other that the recipe compares', () => {
    const { mini } = scores.suites;
    if (mini?.variants.base === undefined || mini.variants.tuned === undefined) throw new Error('no figures');
    const { base, tuned } = mini.variants;
    const variants = { base, tuned, 'base+reminder': tuned };
    const more: Scores = { ...scores, compared: ['tuned', 'base+reminder'], suites: { mini: { ...mini, variants } } };
    const gates = { min_gain: { 'mini.func_sec_at_1': 0.1 }, max_drop: {} };
    expect(() => checkGates(gates, scores)).not.toThrow();
    expect(() => checkGates(gates, more)).toThrow('changed by ±0.0 (tuned 75.0 %, base+reminder 75.0 %)');
  });

  it('may ask for certainty, which few problems do not give', async () => {
    const certainly = (at_least: number) => ({ min_gain: { 'mini.func_sec_at_1': { at_least, certainly: true } } });
    expect(await gated(certainly(0))).toMatchObject({
      exitCode: 3,
      message:
        'nothing was published: mini.func_sec_at_1 should certainly gain at least ±0.0 points and changed by +50.0, of which fewer than 10 problems do not say how certain it is (base 25.0 %, tuned 75.0 %)',
    });
    expect(await gated({ min_gain: { 'mini.func_sec_at_1': { at_least: 0.5 } } })).toMatchObject({ exitCode: 0 });
  });

  it('refuse figures that do not exist and names those that do', async () => {
    for (const figure of [
      'mini.func_sec',
      'mini.sec_at_1',
      'other.func_at_1',
      'func_at_1',
      'mini.constructor',
      'mini.problems',
    ]) {
      const run = await gated({ min_gain: { [figure]: 0 } });
      expect(run).toMatchObject({ exitCode: 2, code: 'publish/unknown-figure', written: false });
    }
  });
});

describe('cards', () => {
  const cardsOf = async (params: object, options: Parameters<typeof runPublish>[2] = {}) => {
    await using home = await stageHome();
    const run = await runPublish(home, { folder: join(home.folder, 'out'), ...params }, options);
    return {
      model: await run.text('publish', 'cards/model.md'),
      dataset: await run.text('publish', 'cards/dataset.md'),
    };
  };

  it('name all variants where there are more than two, and index the tuned one', async () => {
    const { suites } = report();
    const [suite] = suites;
    if (suite === undefined) throw new Error('no suite');
    const variants = { base: suite.base, 'base+reminder': suite.base, tuned: suite.tuned };
    const { model } = await cardsOf({}, { report: { suites: [{ ...suite, variants }] } });
    expect(model).toMatch(/\| all variants +\| func@1/);
    expect(model).toMatch(/\| base\+reminder +\| 100\.0 %/);
    expect(model).toContain('value: 0.75');
  });

  it('read as they should', async () => {
    const { model, dataset } = await cardsOf({ licence: 'Apache-2.0' });
    // Two things follow from the fixtures: the report's own fingerprint, and what stands for the settings of training.
    const stable = (card: string) => card.replace(/^(\| report \|).*/m, '$1 … |').replace(/^\| `files\..*\n/gm, '');
    await expect(stable(model)).toMatchFileSnapshot('cards/model.txt');
    await expect(stable(dataset)).toMatchFileSnapshot('cards/dataset.txt');
  });

  it('tell ordinary samples from the others, with their own pin and licence', async () => {
    const [first, ...others] = samples;
    if (first === undefined) throw new Error('no sample');
    const ordinary = { ...first, cwes: [], licence: 'cc-by-4.0' };
    const { funnel, artifacts } = report();
    const mix = { share: 0.33, rows: 1234, samples: 1, by_language: { python: 1 }, dropped: {} };
    const pinned = { stage: 'curate', pins: { mix: [{ name: 'tasks.jsonl', commit: '9'.repeat(40) }] } };
    const [one] = artifacts;
    if (one === undefined) throw new Error('no artifact');
    const { model, dataset } = await cardsOf(
      { licence: 'Apache-2.0' },
      {
        samples: [first, ordinary, ...others],
        report: { funnel: { ...funnel, mix }, artifacts: [...artifacts, { ...one, ...pinned }] },
      },
    );
    for (const card of [model, dataset]) {
      expect(card).toMatch(/\| tasks\.jsonl +\| apache-2\.0 +\| 2 +\| sha256 `e{64}`/);
      expect(card).toMatch(/\| tasks\.jsonl \(ordinary\) +\| cc-by-4\.0 +\| 1 +\| commit `9{40}`/);
      expect(card).toContain('ordinary samples (1), drawn by chance from 1,234 rows');
    }
    expect(dataset).toMatch(/3 coding tasks, each .* Beside them stand ordinary samples that others made \(1\)/);
    expect(dataset).toContain('cc-by-4.0');
  });

  it('tell what weights are that are not simply those of the last step', async () => {
    const { trained } = report();
    const { model } = await cardsOf(
      {},
      { report: { trained: { ...trained, method: 'qlora', averaged_steps: [80, 100, 120] } } },
    );
    expect(model).toContain('| weights | the average of those after steps 80, 100, 120 |');
    expect(model).toContain('| merged weights | adapter and base as it was trained on: rounded to 4 bits and back |');
  });

  it('tell the settings of the training that made the weights', async () => {
    expect((await cardsOf({})).model).toContain('| `files.train.json.prepared.dropped.too_long` | 1 |');
  });

  it('tell apart the parameters of the base model and those that were trained', async () => {
    const row = async (options: Parameters<typeof runPublish>[2], params = {}) =>
      /^\| parameters \| (.*) \|$/m.exec((await cardsOf(params, options)).model)?.[1];
    expect(await row({})).toBe(
      '32,000,000,000 in the base model; 123,456 trained, in an adapter (0.000386 % of that number)',
    );
    const trained = { method: 'full', trainable_parameters: 32_000_000_000, total_parameters: 32_000_000_000 } as const;
    expect(await row({ weights: { 'model/model.safetensors': 'full weights' }, trained }, { push: ['merged'] })).toBe(
      '32,000,000,000 in the base model; 32,000,000,000 of them trained (100 %)',
    );
  });

  it('carry metadata that the Hub understands', async () => {
    const { model, dataset } = await cardsOf({});
    expect(metadataOf(model)).toMatchObject({
      base_model: 'org/base',
      library_name: 'peft',
      license: 'unknown',
      tags: expect.arrayContaining(['secpi', 'lora']),
      'model-index': [
        {
          results: [
            {
              dataset: { name: 'mini', type: 'mini' },
              metrics: expect.arrayContaining([{ type: 'func_sec_at_1', name: 'func-sec@1', value: 0.75 }]),
            },
          ],
        },
      ],
    });
    expect(metadataOf(dataset)).toMatchObject({
      license: ['apache-2.0', 'unknown'],
      configs: [{ config_name: 'default', data_files: [{ split: 'train', path: 'data/train.jsonl.gz' }] }],
    });
    expect(metadataOf((await cardsOf({ push: ['merged'] })).model)).toMatchObject({ library_name: 'transformers' });
  });

  it('put notices before everything, and call a toy a toy', async () => {
    const { model, dataset } = await cardsOf(
      {},
      {
        report: {
          notices: ['Decontamination against mini was switched off.'],
          base: { name: 'secpi/tiny', origin: 'tiny', revision: null },
        },
      },
    );
    for (const card of [model, dataset])
      expect(card).toContain('> **Note:** Decontamination against mini was switched off.');
    expect(model.indexOf('**Note:**')).toBeLessThan(model.indexOf('## Results'));
    expect(model).toContain('**This is a toy.** Its base model has 32,000,000,000 parameters');
    expect(model).toContain('it is not on the Hub');
  });

  it('let no text from data become markup', async () => {
    const { model, dataset } = await cardsOf(
      {},
      {
        report: { description: 'x\n---\n# Not a heading <script>alert(1)</script> [a](javascript:b)' },
      },
    );
    for (const card of [model, dataset]) {
      expect(card).not.toContain('<b>');
      expect(card).toContain('org/oss \\| &lt;b>tasks&lt;/b>');
    }
    expect(model).not.toContain('<script');
    expect(model).not.toMatch(/^# Not/m);
    expect(model).toContain('\\[a\\](javascript:b)');
  });
});

describe('params', () => {
  it('must name a destination, and must publish the data that a dataset repository is for', () => {
    const problem = (params: object) => publishProblem(publishParams.parse(params));
    expect(problem({})).toContain('folder');
    expect(problem({ dataset_repo: 'org/data', push: ['adapter'] })).toContain('dataset');
    expect(problem({ folder: 'out' })).toBeUndefined();
    expect(problem({ repo: 'org/model', dataset_repo: 'org/data' })).toBeUndefined();
    for (const wrong of [{ repo: 'model' }, { repo: '../../x' }, { push: [] }, { push: ['adapter', 'adapter'] }]) {
      expect(publishParams.safeParse(wrong).success).toBe(false);
    }
  });
});
