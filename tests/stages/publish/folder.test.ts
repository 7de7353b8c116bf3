import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256, sha256File } from '../../../src/base/hash.js';
import { folderProblem, publishToFolder } from '../../../src/stages/publish/folder.js';
import type { TreeFile } from '../../../src/stages/publish/tree.js';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';

const signal = new AbortController().signal;

async function treeOf(from: TemporaryFolder, files: Readonly<Record<string, string>>): Promise<TreeFile[]> {
  return Promise.all(
    Object.entries(files).map(async ([path, text]) => {
      const hash = sha256(text);
      return { path, from: await from.write(hash, text), sha256: hash, bytes: Buffer.byteLength(text) };
    }),
  );
}

/** Every file below a folder with its text; the list of what is ours under its own name. */
async function contentOf(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const texts = await Promise.all(
    files.map(async (path) => [path.slice(folder.length + 1), await readFile(path, 'utf8')] as const),
  );
  return Object.fromEntries(texts.sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function withoutList(folder: string): Promise<Record<string, string>> {
  const { '.secpi-published.json': _list, ...files } = await contentOf(folder);
  return files;
}

const first = { 'README.md': '# One', 'adapter.bin': 'aaaa', 'dataset/data/train.jsonl': '{}\n' };
const second = { 'README.md': '# Two', 'adapter.bin': 'aaaa', 'report.html': '<p>' };

describe('publishToFolder', () => {
  it('writes everything, and nothing the second time', async () => {
    await using home = await temporaryFolder();
    const folder = join(home.path, 'out', 'model');
    const tree = await treeOf(home, first);
    const outcome = await publishToFolder(folder, tree, signal);
    expect(outcome).toEqual({ written: Object.keys(first), unchanged: [], removed: [], kept: [] });
    expect(await withoutList(folder)).toEqual(first);
    const before = await Promise.all(
      Object.keys(await contentOf(folder)).map(async (path) => (await stat(join(folder, path))).ino),
    );
    expect(await publishToFolder(folder, tree, signal)).toMatchObject({ written: [], unchanged: Object.keys(first) });
    const after = await Promise.all(
      Object.keys(await contentOf(folder)).map(async (path) => (await stat(join(folder, path))).ino),
    );
    expect(after).toEqual(before);
  });

  it('replaces what differs and takes away what an earlier publish left', async () => {
    await using home = await temporaryFolder();
    const folder = join(home.path, 'out');
    await publishToFolder(folder, await treeOf(home, first), signal);
    const outcome = await publishToFolder(folder, await treeOf(home, second), signal);
    expect(outcome).toEqual({
      written: ['README.md', 'report.html'],
      unchanged: ['adapter.bin'],
      removed: ['dataset/data/train.jsonl'],
      kept: [],
    });
    expect(await withoutList(folder)).toEqual(second);
    expect(await readdir(folder)).not.toContain('dataset');
  });

  it('never touches the files of others', async () => {
    await using home = await temporaryFolder();
    const folder = join(home.path, 'out');
    await home.write('out/notes.txt', 'mine');
    await home.write('out/dataset/data/more.jsonl', 'mine too');
    await publishToFolder(folder, await treeOf(home, first), signal);
    await writeFile(join(folder, 'dataset/data/train.jsonl'), 'edited by hand');
    const outcome = await publishToFolder(folder, await treeOf(home, second), signal);
    expect(outcome).toMatchObject({ removed: [], kept: ['dataset/data/train.jsonl'] });
    expect(await withoutList(folder)).toEqual({
      ...second,
      'notes.txt': 'mine',
      'dataset/data/more.jsonl': 'mine too',
      'dataset/data/train.jsonl': 'edited by hand',
    });
    // No longer ours: the next publish does not know it either.
    await publishToFolder(folder, await treeOf(home, second), signal);
    expect(await readFile(join(folder, 'dataset/data/train.jsonl'), 'utf8')).toBe('edited by hand');
  });

  it('writes nothing at all when a file of somebody else stands in the way', async () => {
    await using home = await temporaryFolder();
    const folder = join(home.path, 'out');
    await home.write('out/README.md', '# Mine');
    const publishing = publishToFolder(folder, await treeOf(home, first), signal);
    await expect(publishing).rejects.toMatchObject({
      code: 'publish/foreign-file',
      message: expect.stringContaining('README.md'),
    });
    expect(await contentOf(folder)).toEqual({ 'README.md': '# Mine' });
    await rm(join(folder, 'README.md'));
    await mkdir(join(folder, 'README.md'));
    await expect(publishToFolder(folder, await treeOf(home, first), signal)).rejects.toMatchObject({
      code: 'publish/foreign-file',
    });
  });

  it('takes over a file that has the wanted content anyway', async () => {
    await using home = await temporaryFolder();
    await home.write('out/README.md', '# One');
    const outcome = await publishToFolder(join(home.path, 'out'), await treeOf(home, first), signal);
    expect(outcome.unchanged).toEqual(['README.md']);
  });

  it('does not follow a link out of the folder', async () => {
    await using home = await temporaryFolder();
    const folder = join(home.path, 'out');
    const outside = await home.write('precious.txt', 'precious');
    await publishToFolder(folder, await treeOf(home, first), signal);
    await rm(join(folder, 'README.md'));
    await symlink(outside, join(folder, 'README.md'));
    await publishToFolder(folder, await treeOf(home, first), signal);
    expect(await readFile(outside, 'utf8')).toBe('precious');
    expect(await withoutList(folder)).toEqual(first);
  });

  it('believes no list that names files outside', async () => {
    await using home = await temporaryFolder();
    const folder = join(home.path, 'out');
    const outside = await home.write('precious.txt', 'precious');
    const entry = { path: '../precious.txt', sha256: sha256('precious') };
    await home.write('out/.secpi-published.json', JSON.stringify({ schema: 1, files: [entry] }));
    await publishToFolder(folder, await treeOf(home, first), signal);
    expect(await readFile(outside, 'utf8')).toBe('precious');
    await home.write('out/.secpi-published.json', '{"schema": 2}');
    await expect(publishToFolder(folder, await treeOf(home, first), signal)).rejects.toMatchObject({
      code: 'publish/bad-list',
    });
  });

  it('says what is wrong with a place that cannot be written to', async () => {
    await using home = await temporaryFolder();
    const file = await home.write('file', 'a file');
    await expect(publishToFolder(join(file, 'out'), await treeOf(home, first), signal)).rejects.toMatchObject({
      code: 'publish/folder',
    });
  });

  it('ends the same after any number of interruptions anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(7), { maxLength: 4 }), fc.boolean(), async (stops, fromFirst) => {
        await using home = await temporaryFolder();
        const folder = join(home.path, 'out');
        if (fromFirst) await publishToFolder(folder, await treeOf(home, first), signal);
        const tree = await treeOf(home, second);
        for (const checks of stops) {
          await publishToFolder(folder, tree, stoppingAfter(checks)).catch(() => undefined);
          // What a kill in the middle of a copy leaves.
          await home.write('out/.secpi-unfinished/0', 'half a fi');
        }
        await publishToFolder(folder, tree, signal);
        expect(await withoutList(folder)).toEqual(second);
      }),
      { numRuns: 20 },
    );
  });

  it('ends the same after kill -9', async () => {
    await using home = await temporaryFolder();
    const folder = join(home.path, 'out');
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`shard-${n}.bin`, `${n}`.repeat(50_000)]));
    await publishToFolder(folder, await treeOf(home, { ...first, 'shard-0.bin': 'old' }), signal);
    const tree = await treeOf(home, many);
    const job = await home.write('job.json', JSON.stringify({ folder, tree }));
    const script = join(import.meta.dirname, 'fixtures', 'publish-folder.ts');
    let killed = 0;
    for (const wanted of [5, 35]) {
      const child = execa(process.execPath, ['--import', 'tsx', script, job], { reject: false });
      let ended = false;
      void child.then(() => {
        ended = true;
      });
      const shards = async () => (await readdir(folder)).filter((name) => name.startsWith('shard-')).length;
      while (!ended && (await shards()) <= wanted) await new Promise((resolve) => setImmediate(resolve));
      child.kill('SIGKILL');
      if ((await child).signal === 'SIGKILL') killed += 1;
      for (const [path, text] of Object.entries(await withoutList(folder))) {
        if (path.startsWith('.secpi-unfinished/')) continue;
        expect([sha256(many[path] ?? ''), sha256(first[path as keyof typeof first] ?? 'old')]).toContain(sha256(text));
      }
    }
    expect(killed).toBe(2);
    await publishToFolder(folder, tree, signal);
    const found = await withoutList(folder);
    expect(Object.keys(found).sort()).toEqual(Object.keys(many).sort());
    expect(await folderProblem(folder, tree, hashOf)).toBeUndefined();
  });
});

describe('folderProblem', () => {
  it('names the file that is gone or changed', async () => {
    await using home = await temporaryFolder();
    const folder = join(home.path, 'out');
    const tree = await treeOf(home, first);
    expect(await folderProblem(folder, tree, hashOf)).toContain('README.md is not there');
    await publishToFolder(folder, tree, signal);
    expect(await folderProblem(folder, tree, hashOf)).toBeUndefined();
    await writeFile(join(folder, 'adapter.bin'), 'bbbb');
    expect(await folderProblem(folder, tree, hashOf)).toContain('adapter.bin is not what was published');
  });
});

const hashOf = (path: string) => sha256File(path, signal);

/** A signal that is aborted when it is looked at for the n-th time. */
function stoppingAfter(checks: number): AbortSignal {
  const controller = new AbortController();
  let left = checks;
  controller.signal.throwIfAborted = () => {
    left -= 1;
    if (left < 0) throw new Error('stopped');
  };
  return controller.signal;
}
