import { describe, expect, it } from 'vitest';
import { openHub } from '../../src/hub/open-hub.js';
import { READ_TOKEN, startHubServer } from '../support/hub-server.js';
import { hubAt, quickly, signal } from './fixtures.js';

const dataset = { kind: 'dataset', name: 'org/tasks' } as const;

describe('resolve', () => {
  it('turns branches and tags into commits, and asks nothing about a commit', async () => {
    await using server = await startHubServer();
    const first = server.commit('dataset', 'org/tasks', { 'a.jsonl': '1' });
    server.tag('dataset', 'org/tasks', 'v1');
    const second = server.commit('dataset', 'org/tasks', { 'a.jsonl': '2' });
    const hub = hubAt(server);
    expect(await hub.resolve(dataset, 'main', signal)).toBe(second);
    expect(await hub.resolve(dataset, 'v1', signal)).toBe(first);
    const asked = server.count('revision');
    expect(await hub.resolve(dataset, first, signal)).toBe(first);
    expect(server.count('revision')).toBe(asked);
  });

  it('sees one commit for the whole run, however often somebody pushes', async () => {
    await using server = await startHubServer();
    const first = server.commit('dataset', 'org/tasks', { 'a.jsonl': '1' });
    const hub = hubAt(server);
    expect(await hub.resolve(dataset, 'main', signal)).toBe(first);
    server.commit('dataset', 'org/tasks', { 'a.jsonl': '2' });
    expect(await hub.resolve(dataset, 'main', signal)).toBe(first);
    expect((await hub.head(dataset, signal))?.commit).toBe(server.head('dataset', 'org/tasks'));
  });

  it('asks again after a failure', async () => {
    await using server = await startHubServer();
    const hub = hubAt(server);
    await expect(hub.resolve(dataset, 'main', signal)).rejects.toMatchObject({ code: 'hub/not-found' });
    const commit = server.commit('dataset', 'org/tasks', { 'a.jsonl': '1' });
    expect(await hub.resolve(dataset, 'main', signal)).toBe(commit);
  });
});

describe('list', () => {
  it('follows all pages and knows sizes and hashes', async () => {
    await using server = await startHubServer({ pageSize: 2 });
    const files = Object.fromEntries(Array.from({ length: 7 }, (_, n) => [`data/part-${n}.jsonl`, 'x'.repeat(n)]));
    const commit = server.commit('dataset', 'org/tasks', { ...files, 'big.parquet': 'P' });
    const listed = await hubAt(server).list(dataset, commit, signal);
    expect(listed.map(({ path, bytes }) => [path, bytes])).toEqual([
      ['.gitattributes', expect.any(Number)],
      ['big.parquet', 1],
      ...Object.entries(files).map(([path, text]) => [path, text.length]),
    ]);
    // The hash of a blob that is known everywhere: git's empty blob.
    expect(listed.find((file) => file.bytes === 0)?.git_oid).toBe('e69de29bb2d1d6434b8b29ae775ad8c2e48c5391');
    expect(listed.filter((file) => file.sha256 !== null).map((file) => file.path)).toEqual(['big.parquet']);
    expect(server.count('tree')).toBe(5);
  });

  it('refuses names that would be written outside their folder', async () => {
    for (const path of ['../evil.jsonl', '/etc/cron.d/evil', 'a/../../b', 'a\\b', 'a//b']) {
      await using server = await startHubServer();
      const commit = server.commit('dataset', 'org/tasks', { [path]: 'x' });
      await expect(hubAt(server).list(dataset, commit, signal)).rejects.toMatchObject({ code: 'hub/bad-answer' });
    }
  });
});

describe('retries', () => {
  it.each([429, 500, 502, 503, 504])('repeats a call that was answered %i', async (status) => {
    await using server = await startHubServer();
    const commit = server.commit('dataset', 'org/tasks', { 'a.jsonl': '1' });
    server.fail('revision', { kind: 'status', status, headers: { 'Retry-After': '0' } }, { times: 2 });
    expect(await hubAt(server).resolve(dataset, 'main', signal)).toBe(commit);
    expect(server.count('revision')).toBe(3);
  });

  it('repeats a call whose connection broke before, after or within the answer', async () => {
    await using server = await startHubServer();
    const commit = server.commit('dataset', 'org/tasks', { 'a.jsonl': '1' });
    server.fail('revision', { kind: 'reset' });
    server.fail('revision', { kind: 'lost-answer' });
    server.fail('revision', { kind: 'cut', bytes: 9 });
    expect(await hubAt(server).resolve(dataset, 'main', signal)).toBe(commit);
    expect(server.count('revision')).toBe(4);
  });

  it.each([400, 403, 404, 422])('never repeats a call that was answered %i', async (status) => {
    await using server = await startHubServer();
    server.commit('dataset', 'org/tasks', { 'a.jsonl': '1' });
    server.fail('revision', { kind: 'status', status });
    await expect(hubAt(server).resolve(dataset, 'main', signal)).rejects.toMatchObject({ name: 'SecpiError' });
    expect(server.count('revision')).toBe(1);
  });

  it('gives up after the last attempt and says so', async () => {
    await using server = await startHubServer();
    server.commit('dataset', 'org/tasks', { 'a.jsonl': '1' });
    server.fail('revision', { kind: 'status', status: 503 }, { times: 99 });
    await expect(hubAt(server).resolve(dataset, 'main', signal)).rejects.toMatchObject({ code: 'hub/unavailable' });
    expect(server.count('revision')).toBe(quickly.retries + 1);
    server.fail('tree', { kind: 'status', status: 429, headers: { 'Retry-After': '86400' } }, { times: 99 });
    // A day is asked for; the cap of the policy decides.
    const listing = hubAt(server).list(dataset, 'a'.repeat(40), signal);
    await expect(listing).rejects.toMatchObject({ code: 'hub/rate-limited' });
  });

  it('stops waiting when the run is interrupted, with the reason of the interruption', async () => {
    await using server = await startHubServer();
    server.commit('dataset', 'org/tasks', { 'a.jsonl': '1' });
    server.fail('revision', { kind: 'status', status: 503, headers: { 'Retry-After': '3600' } }, { times: 99 });
    const controller = new AbortController();
    const reason = new Error('Ctrl-C');
    const hub = hubAt(server, { retry: { retries: 5, firstDelayMs: 3_600_000, longestDelayMs: 3_600_000 } });
    const waiting = hub.resolve(dataset, 'main', controller.signal);
    while (server.count('revision') === 0) await new Promise((resolve) => setImmediate(resolve));
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(server.count('revision')).toBe(1);
  });

  it('names a Hub that cannot be reached', async () => {
    const server = await startHubServer();
    await server[Symbol.asyncDispose]();
    await expect(hubAt(server).resolve(dataset, 'main', signal)).rejects.toMatchObject({
      code: 'hub/unreachable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });
});

describe('access', () => {
  it('says what is missing, for each way of being refused', async () => {
    await using server = await startHubServer();
    server.commit('dataset', 'org/tasks', { 'a.jsonl': '1' }, true);
    const code = (token: string | undefined, name = 'org/tasks') =>
      hubAt(server, { token })
        .resolve({ kind: 'dataset', name }, 'main', signal)
        .then(
          () => 'ok',
          (error: { code: string }) => error.code,
        );
    expect(await code(READ_TOKEN)).toBe('ok');
    expect(await code(undefined)).toBe('hub/no-token');
    expect(await code('')).toBe('hub/no-token');
    expect(await code('hf_someTokenThatExpired0001')).toBe('hub/unauthorised');
    expect(await code('not-a-token')).toBe('hub/bad-token');
    expect(await code(READ_TOKEN, 'org/other')).toBe('hub/not-found');
    expect(await code(READ_TOKEN, '../../etc/passwd')).toBe('hub/bad-name');
  });

  it('puts no token into an error, not even one that the server echoes', async () => {
    await using server = await startHubServer();
    const token = 'hf_echoedTokenOfTheTests0001';
    const error = await hubAt(server, { token })
      .resolve(dataset, 'main', signal)
      .catch((caught: unknown) => caught as Error & { hint: string });
    expect(error).toMatchObject({ code: 'hub/unauthorised', message: expect.stringContaining('[redacted]') });
    expect(JSON.stringify([String(error), (error as Error).stack, { ...(error as object) }])).not.toContain(token);
  });

  it('sends the token to the Hub and to nobody else', async () => {
    await using elsewhere = await startHubServer();
    elsewhere.commit('dataset', 'org/tasks', { 'stolen.jsonl': '1' });
    await using server = await startHubServer();
    const commit = server.commit('dataset', 'org/tasks', { 'a.jsonl': '1' });
    const link = `<${elsewhere.url}/api/datasets/org/tasks/tree/main?recursive=true>; rel="next"`;
    server.fail('tree', { kind: 'status', status: 200, headers: { Link: link }, body: '[]' });
    await hubAt(server).list(dataset, commit, signal);
    expect(elsewhere.calls.map((call) => call.authorization)).toEqual([undefined]);
    expect(server.calls.every((call) => call.authorization !== undefined)).toBe(true);
  });

  it('refuses an address that is none', () => {
    const open = (hubUrl: string) => () => openHub({ hubUrl, token: undefined, redact: (text) => text });
    expect(open('huggingface.co')).toThrow(expect.objectContaining({ code: 'hub/bad-url', exitCode: 2 }));
    expect(open('file:///etc/passwd')).toThrow(expect.objectContaining({ code: 'hub/bad-url' }));
  });
});
