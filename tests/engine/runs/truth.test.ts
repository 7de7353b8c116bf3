import { link, mkdir, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { sha256 } from '../../../src/base/hash.js';
import { listManifests } from '../../../src/engine/artifacts/artifact-store.js';
import { Gate, type SmallStage, smallFlow } from '../fixtures/small-flow.js';
import { objectOf, runDemo, temporaryState } from '../fixtures/temporary-state.js';

/** What a stage says it read has to be what it read, whatever others do meanwhile. */

const producer: SmallStage = {
  name: 'producer',
  run: async ({ output }) => {
    await output.text('text', 'good');
    return { counts: {} };
  },
};

const copying = (reading: Gate, mayGoOn: Gate): SmallStage => ({
  name: 'consumer',
  inputs: ['producer'],
  run: async ({ inputs, output }) => {
    const before = await readFile(inputs.producer?.path('text') ?? '', 'utf8');
    reading.open();
    await mayGoOn.passed();
    const after = await readFile(inputs.producer?.path('text') ?? '', 'utf8');
    await output.text('copy', `${before} ${after}`);
    return { counts: {} };
  },
});

describe('an artifact that is made again while another run reads it', () => {
  it('stays what it was for that run, whose manifest names what it read', async () => {
    await using home = await temporaryState();
    const [reading, mayGoOn] = [new Gate(), new Gate()];
    let content = 'old';
    const producer: SmallStage = {
      name: 'producer',
      run: async ({ output }) => {
        await output.text('text', content);
        return { counts: {} };
      },
    };
    const graph = smallFlow(producer, copying(reading, mayGoOn));
    const first = runDemo(home, { graph });
    await reading.passed();
    content = 'new';
    const forced = await runDemo(home, { graph, selection: { force: ['producer'], until: 'producer' } });
    expect(forced.outcomes).toEqual(['done', 'skipped']);
    mayGoOn.open();
    const { artifacts } = await first;
    const consumer = artifacts.get('consumer');
    expect(await readFile(consumer?.path('copy') ?? '', 'utf8')).toBe('old old');
    expect(consumer?.manifest.inputs.producer?.digest).toBe(artifacts.get('producer')?.manifest.digest);

    // And later runs do not take it for what the new bytes would give.
    const later = await runDemo(home, { graph });
    expect(later.outcomes).toEqual(['cached', 'done']);
    expect(await readFile(later.artifacts.get('consumer')?.path('copy') ?? '', 'utf8')).toBe('new new');
  });
});

describe('an input that is damaged while a stage reads it', () => {
  it('lets nothing be committed', async () => {
    await using home = await temporaryState();
    const [reading, mayGoOn] = [new Gate(), new Gate()];
    const graph = smallFlow(producer, copying(reading, mayGoOn));
    const run = runDemo(home, { graph });
    await reading.passed();
    const [manifest] = await listManifests(home.state, 'producer');
    const object = await objectOf(home.state, 'producer', manifest?.fingerprint ?? sha256(''));
    await writeFile(join(object, 'text'), 'evil');
    mayGoOn.open();
    const { finished } = await run;
    expect(finished).toMatchObject({
      outcome: 'failed',
      error: { code: 'engine/input-changed', message: expect.stringContaining('text has other content') },
    });
    expect(await listManifests(home.state, 'consumer')).toEqual([]);
    const again = await runDemo(home, { graph });
    expect(again.outcomes).toEqual(['done', 'done']);
    expect(await readFile(again.artifacts.get('consumer')?.path('copy') ?? '', 'utf8')).toBe('good good');
  });
});

describe('an input that is damaged and put back while a stage reads it', () => {
  it('lets nothing be committed either', async () => {
    await using home = await temporaryState();
    const [reading, mayGoOn] = [new Gate(), new Gate()];
    const graph = smallFlow(producer, {
      name: 'consumer',
      inputs: ['producer'],
      run: async ({ inputs, output }) => {
        const path = inputs.producer?.path('text') ?? '';
        await writeFile(path, 'evil');
        await output.text('copy', await readFile(path, 'utf8'));
        await writeFile(path, 'good');
        return { counts: {} };
      },
    });
    expect((await runDemo(home, { graph })).finished).toMatchObject({
      outcome: 'failed',
      error: { code: 'engine/input-changed', message: expect.stringContaining('text was written to') },
    });
    expect(await listManifests(home.state, 'consumer')).toEqual([]);

    // To link it from a backup is no change.
    const other = smallFlow(producer, copying(reading, mayGoOn));
    const run = runDemo(home, { graph: other });
    await reading.passed();
    const [manifest] = await listManifests(home.state, 'producer');
    await link(join(home.state.object(manifest?.object ?? sha256('')), 'text'), join(home.folder, 'backup'));
    mayGoOn.open();
    expect((await run).outcomes).toEqual(['cached', 'done']);
  });
});

describe('a file that a recipe names', () => {
  const flowOf = (path: string, reading: Gate, mayGoOn: Gate) =>
    smallFlow({
      name: 'collect',
      pins: async ({ files }) => ({ sha256: await files.file(path) }),
      run: async ({ output }) => {
        reading.open();
        await mayGoOn.passed();
        await output.text('tasks', await readFile(path, 'utf8'));
        return { counts: {} };
      },
    });

  it.each([
    ['edited and put back', ['evil', 'good'], 'was changed while "collect" was reading it'],
    ['edited', ['evil'], 'was changed while "collect" was reading it'],
    ['replaced by a file with its size and time', ['evil'], 'was changed while "collect" was reading it'],
  ])('and that is %s while a stage reads it lets nothing be committed', async (name, contents, message) => {
    await using home = await temporaryState();
    const path = join(home.folder, 'tasks.jsonl');
    await writeFile(path, 'good');
    await utimes(path, 1000, 1000);
    const [reading, mayGoOn] = [new Gate(), new Gate()];
    const run = runDemo(home, { graph: flowOf(path, reading, mayGoOn) });
    await reading.passed();
    for (const content of contents) await writeFile(path, content);
    if (name.includes('time')) await utimes(path, 1000, 1000);
    mayGoOn.open();
    expect((await run).finished).toMatchObject({
      outcome: 'failed',
      error: { code: 'engine/input-changed', message: expect.stringContaining(`${path} ${message}`) },
    });
    expect(await listManifests(home.state, 'collect')).toEqual([]);
  });

  it('through a link, lets nothing be committed when the link is turned and turned back', async () => {
    await using home = await temporaryState();
    const [path, good, evil] = ['tasks.jsonl', 'good', 'evil'].map((name) => join(home.folder, name)) as [
      string,
      string,
      string,
    ];
    for (const target of [good, evil]) await writeFile(target, basename(target));
    const turn = async (target: string): Promise<void> => {
      await rm(path, { force: true });
      await symlink(target, path);
    };
    await turn(good);
    const [reading, mayGoOn] = [new Gate(), new Gate()];
    const run = runDemo(home, { graph: flowOf(path, reading, mayGoOn) });
    await reading.passed();
    for (const target of [evil, good]) await turn(target);
    mayGoOn.open();
    expect((await run).finished.error).toMatchObject({ code: 'engine/input-changed' });
    expect(await listManifests(home.state, 'collect')).toEqual([]);
  });

  it('in a folder, lets nothing be committed when a file came and went', async () => {
    await using home = await temporaryState();
    const folder = join(home.folder, 'model');
    await mkdir(join(folder, 'deep'), { recursive: true });
    await writeFile(join(folder, 'deep/w'), 'w');
    const flow = (during: () => Promise<void>) =>
      smallFlow({
        name: 'base',
        pins: async ({ files }) => ({ sha256: await files.folder(folder) }),
        run: async ({ output }) => {
          await during();
          await output.text('names', (await readdir(folder, { recursive: true })).join());
          return { counts: {} };
        },
      });
    const visited = async (): Promise<void> => {
      await writeFile(join(folder, 'deep/extra'), '');
      await rm(join(folder, 'deep/extra'));
    };
    expect((await runDemo(home, { graph: flow(visited) })).finished.error).toMatchObject({
      code: 'engine/input-changed',
      message: expect.stringContaining('model/deep was changed'),
    });
    expect((await runDemo(home, { graph: flow(async () => undefined) })).outcomes).toEqual(['done']);
  });

  it('and that stays as it is, is read as it is', async () => {
    await using home = await temporaryState();
    const path = join(home.folder, 'tasks.jsonl');
    await writeFile(path, 'good');
    const [reading, mayGoOn] = [new Gate(), new Gate()];
    mayGoOn.open();
    const graph = flowOf(path, reading, mayGoOn);
    expect((await runDemo(home, { graph })).outcomes).toEqual(['done']);
    // Touched but not changed, between two runs: that is no change.
    await utimes(path, 2000, 2000);
    expect((await runDemo(home, { graph })).outcomes).toEqual(['cached']);
  });
});

describe('pins that say something else after the run', () => {
  it('let nothing be committed, and say what changed', async () => {
    await using home = await temporaryState();
    let commit = 'a'.repeat(40);
    const graph = smallFlow({
      name: 'collect',
      pins: async () => ({ commit }),
      run: async () => {
        commit = 'b'.repeat(40);
        return { counts: {} };
      },
    });
    const { finished } = await runDemo(home, { graph });
    expect(finished.error).toMatchObject({
      code: 'engine/input-changed',
      message: 'what "collect" depends on was changed while it ran: commit: aaaaaaaaaaaa → bbbbbbbbbbbb',
    });
    expect(await listManifests(home.state, 'collect')).toEqual([]);
    expect((await runDemo(home, { graph })).outcomes).toEqual(['done']);
  });
});

describe('the seed', () => {
  it('is part of what a stage makes only where the stage says so', async () => {
    await using home = await temporaryState();
    const graph = smallFlow(
      { name: 'collect' },
      {
        name: 'train',
        inputs: ['collect'],
        seeded: true,
        run: async ({ seed, output }) => {
          await output.json('seed.json', { seed });
          return { counts: {} };
        },
      },
    );
    expect((await runDemo(home, { graph, seed: 7 })).outcomes).toEqual(['done', 'done']);
    const other = await runDemo(home, { graph, seed: 8 });
    expect(other.outcomes).toEqual(['cached', 'done']);
    const schema = z.object({ seed: z.number() });
    expect(await other.artifacts.get('train')?.json('seed.json', schema)).toEqual({ seed: 8 });
    expect((await runDemo(home, { graph, seed: 7 })).outcomes).toEqual(['cached', 'cached']);
  });

  it('can depend on params, and is refused to a stage that does not say that it uses it', async () => {
    await using home = await temporaryState();
    const graph = (seeded: boolean) =>
      smallFlow({
        name: 'base',
        seeded: () => seeded,
        run: async ({ seed }) => ({ counts: { seed } }),
      });
    expect((await runDemo(home, { graph: graph(true) })).exitCode).toBe(0);
    const { finished } = await runDemo(home, { graph: graph(false) });
    expect(finished.error).toMatchObject({ code: 'internal', message: expect.stringContaining('uses the seed') });
  });
});
