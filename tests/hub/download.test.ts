import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sha256, sha256File } from '../../src/base/hash.js';
import { startHubServer } from '../support/hub-server.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { hubAt, quickly, signal } from './fixtures.js';

const repo = { kind: 'dataset', name: 'org/tasks' } as const;
const big = Buffer.alloc(300_000, 'parquet');

describe('download', () => {
  it('fetches small files and LFS files, whatever their names', async () => {
    await using server = await startHubServer();
    await using folder = await temporaryFolder();
    const files = { 'data/a b#1?.jsonl': '{"a":1}\n', 'train.parquet': big, 'empty.json': '' };
    const commit = server.commit('dataset', 'org/tasks', files, true);
    for (const [path, content] of Object.entries(files)) {
      const to = join(folder.path, commit, path);
      await hubAt(server).download(repo, commit, path, to, signal);
      expect(await sha256File(to, signal)).toBe(sha256(content));
    }
    expect(server.count('cdn')).toBe(1);
  });

  it('does not fetch what is there, and fetches what was changed there', async () => {
    await using server = await startHubServer();
    await using folder = await temporaryFolder();
    const commit = server.commit('dataset', 'org/tasks', { 'train.parquet': big, 'a.jsonl': '1234' });
    for (const [path, wrong] of [
      ['train.parquet', Buffer.alloc(big.length, '?')],
      ['a.jsonl', '4321'],
    ] as const) {
      const to = join(folder.path, path);
      await hubAt(server).download(repo, commit, path, to, signal);
      const fetched = server.count('resolve');
      await hubAt(server).download(repo, commit, path, to, signal);
      expect(server.count('resolve')).toBe(fetched);
      await writeFile(to, wrong);
      await hubAt(server).download(repo, commit, path, to, signal);
      expect(server.count('resolve')).toBe(fetched + 1);
      expect((await readFile(to)).equals(Buffer.from(wrong))).toBe(false);
    }
  });

  it('tries again when the connection breaks in the middle', async () => {
    await using server = await startHubServer();
    await using folder = await temporaryFolder();
    const commit = server.commit('dataset', 'org/tasks', { 'train.parquet': big });
    server.fail('cdn', { kind: 'cut', bytes: 100_000 });
    const to = join(folder.path, 'train.parquet');
    await hubAt(server).download(repo, commit, 'train.parquet', to, signal);
    expect(await sha256File(to, signal)).toBe(sha256(big));
    expect(server.count('cdn')).toBe(2);
  });

  it('goes on from what a killed process left, and starts again if that was something else', async () => {
    await using server = await startHubServer();
    await using folder = await temporaryFolder();
    const commit = server.commit('dataset', 'org/tasks', { 'train.parquet': big });
    for (const left of [big.subarray(0, 70_000), Buffer.alloc(70_000, '?'), Buffer.alloc(big.length, '?')]) {
      const to = join(folder.path, String(left[0]), String(left.length), 'train.parquet');
      await folder.write(`${left[0]}/${left.length}/train.parquet.part`, left);
      await hubAt(server).download(repo, commit, 'train.parquet', to, signal);
      expect(await sha256File(to, signal)).toBe(sha256(big));
      expect(await readdir(join(to, '..'))).toEqual(['train.parquet']);
    }
    const ranges = server.calls.filter((call) => call.route === 'cdn').map((call) => call.range);
    expect(ranges).toEqual(['bytes=70000-', 'bytes=70000-', undefined, undefined]);
  });

  it('leaves nothing behind when the content is not what was listed', async () => {
    await using server = await startHubServer();
    await using folder = await temporaryFolder();
    const commit = server.commit('dataset', 'org/tasks', { 'train.parquet': big, 'a.jsonl': '1234' });
    for (const [path, route] of [
      ['train.parquet', 'cdn'],
      ['a.jsonl', 'resolve'],
    ] as const) {
      server.fail(route, { kind: 'corrupt' }, { times: 2 });
      await expect(hubAt(server).download(repo, commit, path, join(folder.path, path), signal)).rejects.toMatchObject({
        code: 'hub/corrupt-download',
        message: expect.not.stringContaining(folder.path),
      });
      expect(await readdir(folder.path)).toEqual([]);
    }
  });

  it('names a file that is not there, without asking for it', async () => {
    await using server = await startHubServer();
    await using folder = await temporaryFolder();
    const commit = server.commit('dataset', 'org/tasks', { 'a.jsonl': '1' });
    const fetching = hubAt(server).download(repo, commit, 'b.jsonl', join(folder.path, 'b'), signal);
    await expect(fetching).rejects.toMatchObject({ code: 'hub/not-found' });
    expect(server.count('resolve')).toBe(0);
  });

  it('stops in the middle of a file when interrupted', async () => {
    await using server = await startHubServer();
    await using folder = await temporaryFolder();
    const commit = server.commit('dataset', 'org/tasks', { 'train.parquet': big });
    server.fail('resolve', { kind: 'status', status: 503, headers: { 'Retry-After': '3600' } }, { times: 99 });
    const controller = new AbortController();
    const hub = hubAt(server, { retry: { ...quickly, longestDelayMs: 3_600_000 } });
    const to = join(folder.path, 'train.parquet');
    const fetching = hub.download(repo, commit, 'train.parquet', to, controller.signal);
    while (server.count('resolve') === 0) await new Promise((resolve) => setImmediate(resolve));
    controller.abort(new Error('Ctrl-C'));
    await expect(fetching).rejects.toThrow('Ctrl-C');
    expect(await readdir(folder.path)).toEqual([]);
  });
});
