import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/hash.js';
import { thisProcess } from '../../../src/base/processes/process-owner.js';
import type { ArtifactReader } from '../../../src/engine/artifacts/artifact.js';
import { inspectArtifact } from '../../../src/engine/artifacts/artifact-store.js';
import { type BytesElsewhere, objectOf } from '../../../src/engine/artifacts/bytes-elsewhere.js';
import { fetchedCopy, findCopy } from '../../../src/engine/artifacts/fetched-object.js';
import { neededElsewhere } from '../../../src/engine/garbage/needed-elsewhere.js';
import { planGarbage } from '../../../src/engine/garbage/plan-garbage.js';
import { sweep } from '../../../src/engine/garbage/sweep.js';
import { Leases } from '../../../src/engine/runs/leases.js';
import { prepareStateDirectory, type StateDirectory } from '../../../src/engine/state-directory.js';
import { commit, fingerprint } from '../fixtures/artifacts.js';
import { temporaryState } from '../fixtures/temporary-state.js';

const { signal } = new AbortController();
const TEXTS = { 'deep/b': 'two', weights: 'one' };
const there = { machine: 'gpu', path: '/far/inputs/x/model' };

const references = Object.entries(TEXTS).map(([path, text]) => ({
  path: `model/${path}`,
  sha256: sha256(text),
  bytes: text.length,
  at: { machine: there.machine, path: `${there.path}/${path}` },
}));

const elsewhere = (artifact: ArtifactReader): BytesElsewhere => {
  const where = artifact.where('model');
  if (typeof where === 'string') throw new Error('it is here');
  return where;
};

let fetches = 0;
async function write(into: string, texts: Readonly<Record<string, string>> = TEXTS): Promise<void> {
  fetches += 1;
  for (const [name, text] of Object.entries(texts)) {
    await mkdir(dirname(join(into, name)), { recursive: true });
    await writeFile(join(into, name), text);
  }
}

async function withArtifact() {
  const home = await temporaryState();
  await prepareStateDirectory(home.state);
  const artifact = await commit(home.state, { 'train.json': '{}' }, { references });
  fetches = 0;
  return { ...home, artifact, bytes: elsewhere(artifact) };
}

/** A run of this very process that has not ended. */
async function liveRun(state: StateDirectory, run: string): Promise<Leases> {
  await mkdir(state.run(run), { recursive: true });
  const owner = { schema: 1, run, recipe: 'demo', started_at: '2026-01-01T00:00:00Z', owner: await thisProcess() };
  await writeFile(join(state.run(run), 'owner.json'), JSON.stringify(owner));
  return new Leases(state, run, signal);
}

describe('a folder that lies on another machine', () => {
  it('is where the artifact says, whole, and what is here is here', async () => {
    await using home = await withArtifact();
    expect(home.bytes).toEqual({
      stage: 'demo',
      name: 'model',
      ...there,
      files: references.map(({ path, sha256, bytes }) => ({ path: path.slice('model/'.length), sha256, bytes })),
    });
    expect(() => home.artifact.path('model')).toThrow('deep/b of demo lies on gpu');
    expect(home.artifact.where('train.json')).toBe(home.artifact.path('train.json'));
  });

  it('is no folder that can be used elsewhere when a part of it is here', async () => {
    await using home = await temporaryState();
    const artifact = await commit(home.state, { 'model/config.json': '{}' }, { references });
    expect(() => artifact.where('model')).toThrow('lies on gpu');
  });
});

describe('fetchedCopy', () => {
  it('fetches once, as an object that cannot be written to', async () => {
    await using home = await withArtifact();
    const { state, bytes } = home;
    expect(await findCopy(state, bytes, signal)).toBeUndefined();
    const path = await fetchedCopy(state, bytes, write, signal);
    expect(path).toBe(join(state.object(objectOf(bytes)), 'model'));
    expect(await readFile(join(path, 'deep', 'b'), 'utf8')).toBe('two');
    expect(((await stat(join(path, 'weights'))).mode & 0o777).toString(8)).toBe('444');
    expect(await fetchedCopy(state, bytes, write, signal)).toBe(path);
    expect([fetches, await readdir(state.staging)]).toEqual([1, []]);
  });

  it('fetches again what was damaged here', async () => {
    await using home = await withArtifact();
    const { state, bytes } = home;
    const path = await fetchedCopy(state, bytes, write, signal);
    await chmod(join(path, 'weights'), 0o644);
    await writeFile(join(path, 'weights'), 'One');
    expect(await findCopy(state, bytes, signal)).toBeUndefined();
    await fetchedCopy(state, bytes, write, signal);
    expect([fetches, await readFile(join(path, 'weights'), 'utf8')]).toEqual([2, 'one']);
  });

  it.each<[string, Readonly<Record<string, string>>]>([
    ['another byte', { ...TEXTS, weights: 'One' }],
    ['a file too many', { ...TEXTS, more: '' }],
    ['a file too few', { weights: 'one' }],
  ])('keeps nothing of what came with %s', async (_what, texts) => {
    await using home = await withArtifact();
    const { state, bytes } = home;
    const fetching = fetchedCopy(state, bytes, (into) => write(into, texts), signal);
    await expect(fetching).rejects.toMatchObject({ code: 'engine/bad-copy' });
    expect([await findCopy(state, bytes, signal), await readdir(state.staging)]).toEqual([undefined, []]);
  });

  it('goes on from what one that was cut off has brought, which goes when nobody does', async () => {
    await using home = await withArtifact();
    const { state, bytes } = home;
    const cutOff = async (into: string) => {
      await write(into, { weights: 'on' });
      throw new Error('cut off');
    };
    await expect(fetchedCopy(state, bytes, cutOff, signal)).rejects.toThrow('cut off');
    let found = '';
    const goOn = async (into: string) => {
      found = await readFile(join(into, 'weights'), 'utf8');
      throw new Error('cut off');
    };
    await expect(fetchedCopy(state, bytes, goOn, signal)).rejects.toThrow('cut off');
    expect(found).toBe('on');
    await sweep(state, (await planGarbage(state, {})).items, signal);
    expect(await readdir(state.staging)).toEqual([]);
  });

  it('stays as long as a run lives that has looked at the artifact, or made it, and is garbage after that', async () => {
    await using home = await withArtifact();
    const { state, bytes } = home;
    const object = objectOf(bytes);
    const clean = async () => sweep(state, (await planGarbage(state, {})).items, signal);
    const isHere = async () => (await findCopy(state, bytes, signal)) !== undefined;
    for (const [run, use] of [
      [
        '01ARZ3NDEKTSV4RRFFQ69G5FAV',
        (leases: Leases) => inspectArtifact(state, 'demo', fingerprint, { signal, lease: (one) => leases.object(one) }),
      ],
      [
        '01ARZ3NDEKTSV4RRFFQ69G5FAW',
        (leases: Leases) => commit(state, { 'train.json': '{}' }, { references, lease: (one) => leases.object(one) }),
      ],
    ] as const) {
      const leases = await liveRun(state, run);
      await use(leases);
      await fetchedCopy(state, bytes, write, signal);
      await clean();
      expect(await isHere()).toBe(true);
      // Over: the run stands on the artifact, and not on the copy.
      await leases.settle([home.artifact.manifest.object]);
      await clean();
      expect([await isHere(), await readdir(join(state.root, 'objects'))]).toEqual([
        false,
        [home.artifact.manifest.object],
      ]);
      expect((await neededElsewhere(state)).map(objectOf)).toEqual([object]);
      await rm(state.run(run), { recursive: true });
    }
    // With the last run the artifact goes, and nothing is needed elsewhere any more.
    await clean();
    expect(await neededElsewhere(state)).toEqual([]);
  });
});

describe('neededElsewhere', () => {
  it('says nothing rather than too little when a manifest is of a newer version', async () => {
    await using home = await withArtifact();
    await writeFile(home.state.artifact('demo', sha256('newer')), '{"schema": 99}');
    await expect(neededElsewhere(home.state)).rejects.toMatchObject({ code: 'engine/newer-state' });
    await writeFile(home.state.artifact('demo', sha256('newer')), '{');
    expect(await neededElsewhere(home.state)).toEqual([home.bytes]);
  });
});
