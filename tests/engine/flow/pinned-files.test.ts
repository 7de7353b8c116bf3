import { mkdir, readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { settled } from '../../../src/base/files/hash-memo.js';
import { planRun } from '../../../src/engine/flow/plan.js';
import type { PinnedFiles } from '../../../src/engine/stage.js';
import { watchFaults } from '../../support/fault-points.js';
import { type SmallStage, smallFlow } from '../fixtures/small-flow.js';
import { temporaryState } from '../fixtures/temporary-state.js';

const MIB = 1024 * 1024;
const { signal } = new AbortController();

/** Creates a file of zeros that takes no room. */
async function sparse(path: string, bytes: number): Promise<string> {
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, '');
  await truncate(path, bytes);
  return path;
}

type Home = Awaited<ReturnType<typeof temporaryState>>;

/** What a plan reads of the files in the folder `data` of a test, when a stage pins what `pins` asks for. */
async function plan(home: Home, pins: (files: PinnedFiles) => Promise<Record<string, string>>) {
  const stage: SmallStage = { name: 'pinned', pins: ({ files }) => pins(files) };
  using watch = await watchFaults(() => 'none', { looks: true });
  const [entry] = await planRun({ ...home, graph: smallFlow(stage), seed: 3, signal });
  const data = join(home.folder, 'data');
  const read = watch.points.filter(({ call, path }) => call === 'read' && path.startsWith(data));
  return { fingerprint: entry?.fingerprint, read: [...new Set(read.map(({ path }) => path))].sort() };
}

describe('the hash of what a recipe names', () => {
  it('is remembered for the next plan when it took long: a large file, a folder of middling ones', async () => {
    await using home = await temporaryState();
    const file = await sparse(join(home.folder, 'data', 'recording.jsonl'), 16 * MIB);
    const folder = join(home.folder, 'data', 'model');
    const half = await sparse(join(folder, 'deep', 'a'), 8 * MIB);
    const other = await sparse(join(folder, 'b'), 8 * MIB);
    await settled(other, signal);
    const pins = async (files: PinnedFiles) => ({ file: await files.file(file), folder: await files.folder(folder) });
    const first = await plan(home, pins);
    expect(first.read).toEqual([other, half, file].sort());
    const second = await plan(home, pins);
    expect(second).toEqual({ fingerprint: first.fingerprint, read: [] });

    // One of them was touched, and it alone is read again.
    await writeFile(half, 'other');
    const third = await plan(home, pins);
    expect(third.read).toEqual([half]);
    expect(third.fingerprint).not.toBe(first.fingerprint);
  });

  it('is not worth a file of its own when it took no time', async () => {
    await using home = await temporaryState();
    const file = await sparse(join(home.folder, 'data', 'tasks.jsonl'), 16 * MIB - 1);
    await settled(file, signal);
    const pins = async (files: PinnedFiles) => ({ file: await files.file(file) });
    expect((await plan(home, pins)).read).toEqual([file]);
    expect((await plan(home, pins)).read).toEqual([file]);
    expect(await readdir(home.folder)).toEqual(['data']);
  });
});
