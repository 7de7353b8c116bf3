import { describe, expect, it } from 'vitest';
import { startHubServer } from '../support/hub-server.js';
import { hubAt, quickly, signal } from './fixtures.js';

const dataset = { kind: 'dataset', name: 'org/tasks' } as const;
const content = Buffer.from(Array.from({ length: 5000 }, (_, n) => n % 251));

describe('read', () => {
  it('gives a part of a file, whether git or LFS holds it', async () => {
    await using server = await startHubServer();
    const commit = server.commit('dataset', 'org/tasks', { 'data/a b.jsonl': content, 'c.parquet': content });
    const hub = hubAt(server);
    for (const path of ['data/a b.jsonl', 'c.parquet']) {
      const part = async (start: number, end: number) =>
        Buffer.from(await hub.read(dataset, commit, path, { start, end }, signal));
      expect(await part(0, 10)).toEqual(content.subarray(0, 10));
      expect(await part(100, 4000)).toEqual(content.subarray(100, 4000));
      expect(await part(4990, 5000)).toEqual(content.subarray(4990));
      expect(await part(7, 7)).toHaveLength(0);
    }
    expect(server.calls.flatMap(({ route, range }) => (route === 'resolve' ? [range] : []))).toContain(
      'bytes=100-3999',
    );
  });

  it('gives the same of a server that knows no ranges', async () => {
    await using server = await startHubServer();
    const commit = server.commit('dataset', 'org/tasks', { 'a.jsonl': content });
    const whole = JSON.stringify({ text: 'x'.repeat(300) });
    server.fail('resolve', { kind: 'status', status: 200, body: whole });
    const part = await hubAt(server).read(dataset, commit, 'a.jsonl', { start: 5, end: 30 }, signal);
    expect(Buffer.from(part).toString()).toBe(whole.slice(5, 30));
  });

  it('asks again when the connection breaks, and never takes a part for the whole', async () => {
    await using server = await startHubServer();
    const commit = server.commit('dataset', 'org/tasks', { 'a.jsonl': content, 'b.parquet': content });
    const hub = hubAt(server);
    server.fail('resolve', { kind: 'reset' });
    server.fail('resolve', { kind: 'cut', bytes: 9 });
    expect(await hub.read(dataset, commit, 'a.jsonl', { start: 0, end: 2000 }, signal)).toHaveLength(2000);
    expect(server.count('resolve')).toBe(3);
    const beyond = hub.read(dataset, commit, 'a.jsonl', { start: 4000, end: 6000 }, signal);
    await expect(beyond).rejects.toMatchObject({ code: 'hub/corrupt-download' });
    server.fail('resolve', { kind: 'status', status: 503 }, { times: 99 });
    const gone = hub.read(dataset, commit, 'a.jsonl', { start: 0, end: 10 }, signal);
    await expect(gone).rejects.toMatchObject({ code: 'hub/unavailable' });
    expect(server.count('resolve')).toBe(4 + quickly.retries + 1);
  });

  it('says that a file is not there', async () => {
    await using server = await startHubServer();
    const commit = server.commit('dataset', 'org/tasks', { 'a.jsonl': content });
    const missing = hubAt(server).read(dataset, commit, 'b.jsonl', { start: 0, end: 10 }, signal);
    await expect(missing).rejects.toMatchObject({ code: 'hub/not-found' });
  });
});
