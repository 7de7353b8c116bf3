import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/base/hash.js';
import type { PushRequest } from '../../src/hub/hub.js';
import { type HubServer, READ_TOKEN, startHubServer } from '../support/hub-server.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { hubAt, signal } from './fixtures.js';

const repo = { kind: 'model', name: 'org/tuned' } as const;
const weights = Buffer.alloc(50_000, 'weights');

async function requestOf(
  folder: TemporaryFolder,
  files: Readonly<Record<string, string | Buffer>>,
  more: Partial<PushRequest> = {},
): Promise<PushRequest> {
  const list = await Promise.all(
    Object.entries(files).map(async ([path, content]) => ({ path, from: await folder.write(path, content) })),
  );
  return { repo, private: true, files: list, message: 'Publish', ...more };
}

const files = { 'README.md': '# Tuned\n', 'adapter_config.json': '{}', 'adapter_model.safetensors': weights };

function hashes(of: Readonly<Record<string, string | Buffer>>): Record<string, string> {
  return Object.fromEntries(Object.entries(of).map(([path, content]) => [path, sha256(content)]));
}

/** What `main` holds is what was pushed, byte for byte. */
function expectFiles(server: HubServer, wanted: Readonly<Record<string, string | Buffer>>): void {
  expect(hashes(server.files('model', 'org/tuned'))).toEqual(hashes(wanted));
}

describe('push', () => {
  it('creates a private repository and puts everything there in one commit', async () => {
    await using server = await startHubServer();
    await using folder = await temporaryFolder();
    const shares: [string, number][] = [];
    const onProgress = (path: string, share: number) => shares.push([path, share]);
    const outcome = await hubAt(server).push(await requestOf(folder, files, { onProgress }), signal);
    expectFiles(server, files);
    expect(server.isPrivate('model', 'org/tuned')).toBe(true);
    expect(server.messages('model', 'org/tuned')).toEqual(['Publish']);
    expect(outcome).toEqual({
      commit: server.head('model', 'org/tuned'),
      uploaded: Object.keys(files),
      unchanged: [],
      bytes: 50_010,
    });
    expect(shares).toContainEqual(['adapter_model.safetensors', 1]);
  });

  it('creates a public one only when told so', async () => {
    await using server = await startHubServer();
    await using folder = await temporaryFolder();
    await hubAt(server).push(await requestOf(folder, files, { private: false }), signal);
    expect(server.isPrivate('model', 'org/tuned')).toBe(false);
  });

  it('uploads nothing twice', async () => {
    await using server = await startHubServer();
    await using folder = await temporaryFolder();
    const first = await hubAt(server).push(await requestOf(folder, files), signal);
    const before = server.calls.length;
    const second = await hubAt(server).push(await requestOf(folder, files), signal);
    expect(second).toEqual({ commit: first.commit, uploaded: [], unchanged: Object.keys(files), bytes: 0 });
    expect(server.calls.slice(before).map((call) => call.route)).toEqual(['revision', 'tree']);
    expect(server.messages('model', 'org/tuned')).toEqual(['Publish']);
  });

  it('uploads only what differs and leaves the files of others', async () => {
    await using server = await startHubServer();
    await using folder = await temporaryFolder();
    await hubAt(server).push(await requestOf(folder, files), signal);
    server.commit('model', 'org/tuned', { 'NOTES.md': 'by hand' });
    const changed = { ...files, 'README.md': '# Tuned again\n', 'report.html': '<p>' };
    const outcome = await hubAt(server).push(await requestOf(folder, changed), signal);
    expect(outcome.uploaded).toEqual(['README.md', 'report.html']);
    expect(outcome.unchanged).toEqual(['adapter_config.json', 'adapter_model.safetensors']);
    expectFiles(server, { ...changed, 'NOTES.md': 'by hand' });
    expect(server.count('lfs-put')).toBe(1);
  });

  it('sees a change of one byte at the same size', async () => {
    await using server = await startHubServer();
    await using folder = await temporaryFolder();
    await hubAt(server).push(await requestOf(folder, files), signal);
    const other = Buffer.from(weights);
    other[0] = 0;
    const changed = { ...files, 'adapter_config.json': '[]', 'adapter_model.safetensors': other };
    const outcome = await hubAt(server).push(await requestOf(folder, changed), signal);
    expect(outcome.uploaded).toEqual(['adapter_config.json', 'adapter_model.safetensors']);
    expectFiles(server, changed);
  });

  it('goes on after a push that broke between the large files and the commit', async () => {
    await using server = await startHubServer();
    await using folder = await temporaryFolder();
    server.fail('commit', { kind: 'status', status: 400, error: 'not today' });
    const request = await requestOf(folder, files);
    await expect(hubAt(server).push(request, signal)).rejects.toMatchObject({
      code: 'hub/refused',
      message: expect.stringContaining('not today'),
    });
    expectFiles(server, {});
    await hubAt(server).push(request, signal);
    expectFiles(server, files);
    expect(server.count('create')).toBe(1);
    expect(server.count('lfs-put')).toBe(1);
  });

  it.each(['create', 'revision', 'preupload', 'lfs-batch', 'lfs-put', 'commit'] as const)(
    'survives a bad minute of %s with one commit to show for it',
    async (route) => {
      await using server = await startHubServer();
      await using folder = await temporaryFolder();
      server.fail(route, { kind: 'status', status: 503 });
      server.fail(route, { kind: 'reset' });
      server.fail(route, { kind: 'lost-answer' });
      const outcome = await hubAt(server).push(await requestOf(folder, files), signal);
      expectFiles(server, files);
      expect(server.messages('model', 'org/tuned')).toEqual(['Publish']);
      expect(outcome.commit).toBe(server.head('model', 'org/tuned'));
    },
  );

  it('does not push over what somebody else pushes at the same moment', async () => {
    await using server = await startHubServer();
    await using folder = await temporaryFolder();
    await hubAt(server).push(await requestOf(folder, files), signal);
    const changed = await requestOf(folder, { ...files, 'README.md': '# Ours\n' });
    server.fail('commit', { kind: 'status', status: 412, error: 'A commit has happened since.' });
    await expect(hubAt(server).push(changed, signal)).rejects.toMatchObject({ code: 'hub/changed-meanwhile' });
    expectFiles(server, files);
    // The commit names its parent, so that the Hub can tell.
    const header = server.calls
      .filter((call) => call.route === 'commit')
      .at(-1)
      ?.body.toString()
      .split('\n')[0];
    expect(JSON.parse(header ?? '')).toMatchObject({ value: { parentCommit: server.head('model', 'org/tuned') } });
    await hubAt(server).push(changed, signal);
    expectFiles(server, { ...files, 'README.md': '# Ours\n' });
  });

  it('refuses to push something private to a public repository', async () => {
    await using server = await startHubServer();
    await using folder = await temporaryFolder();
    server.commit('model', 'org/tuned', { 'a.txt': 'a' });
    const pushing = hubAt(server).push(await requestOf(folder, files), signal);
    await expect(pushing).rejects.toMatchObject({ code: 'hub/repo-is-public' });
    expectFiles(server, { 'a.txt': 'a' });
  });

  it('asks for a token that may write, in words', async () => {
    await using server = await startHubServer();
    await using folder = await temporaryFolder();
    const request = await requestOf(folder, files);
    const none = hubAt(server, { token: undefined }).push(request, signal);
    await expect(none).rejects.toMatchObject({ code: 'hub/no-token', hint: expect.stringContaining('write') });
    expect(server.calls).toEqual([]);
    await expect(hubAt(server, { token: READ_TOKEN }).push(request, signal)).rejects.toMatchObject({
      code: 'hub/forbidden',
      hint: expect.stringContaining('write'),
      message: expect.not.stringContaining(folder.path),
    });
  });

  it('sends a file of more than one chunk unharmed', async () => {
    await using server = await startHubServer();
    await using folder = await temporaryFolder();
    const large = Buffer.from(Uint8Array.from({ length: 1_500_000 }, (_, n) => (n * n) % 251));
    await hubAt(server).push(await requestOf(folder, { 'm/model.safetensors': large, 'empty.txt': '' }), signal);
    expectFiles(server, { 'empty.txt': '', 'm/model.safetensors': large });
  });
});
