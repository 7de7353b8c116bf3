import { link, lstat, mkdir, readdir, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Sha256, sha256 } from '../../../src/base/hash.js';
import {
  type CommitOptions,
  commitArtifact,
  inspectArtifact,
  listManifests,
  openStaging,
} from '../../../src/engine/artifacts/artifact-store.js';
import { fingerprintOf, type Preimage, preimageJson } from '../../../src/engine/flow/fingerprint.js';
import type { StateDirectory } from '../../../src/engine/state-directory.js';
import { temporaryState } from '../fixtures/temporary-state.js';

const preimage: Preimage = { stage: 'demo', version: 1, params: { a: 1 }, seed: 1, inputs: {}, pins: {} };
const fingerprint = fingerprintOf(preimage);

const facts: CommitOptions['facts'] = {
  stage: 'demo',
  fingerprint,
  preimage: preimageJson(preimage),
  inputs: {},
  counts: { rows: 2 },
  reasons: {},
  metrics: {},
  tools: {},
  tokens: { input: 0, output: 0 },
  cost_usd: 0,
  started_at: '2026-01-01T00:00:00.000Z',
  seconds: 1,
  run: 'run',
  secpi: '0.0.0',
};

async function fill(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

const FILES = { 'b/rows.jsonl': '{"n":1}\n{"n":2}\n', 'a.txt': 'text', 'B.txt': '' };

async function commit(
  state: StateDirectory,
  files: Readonly<Record<string, string>> = FILES,
  options: Partial<CommitOptions> = {},
) {
  const staging = await openStaging(state, fingerprint, 'nonce');
  await fill(staging, files);
  return commitArtifact({
    state,
    staging,
    facts,
    signal: new AbortController().signal,
    assertHeld: async () => undefined,
    ...options,
  });
}

describe('commitArtifact', () => {
  it('makes a whole artifact with a sorted, hashed manifest, and gives it back to readers', async () => {
    await using home = await temporaryState();
    expect(await inspectArtifact(home.state, 'demo', fingerprint)).toEqual({ state: 'none' });
    const { manifest } = await commit(home.state);
    expect(manifest.outputs).toEqual([
      { path: 'B.txt', sha256: sha256(''), bytes: 0 },
      { path: 'a.txt', sha256: sha256('text'), bytes: 4 },
      { path: 'b/rows.jsonl', sha256: sha256(FILES['b/rows.jsonl']), bytes: 16 },
    ]);
    expect(await readdir(home.state.staging)).toEqual([]);
    const inspection = await inspectArtifact(home.state, 'demo', fingerprint);
    if (inspection.state !== 'whole') throw new Error(inspection.state);
    const { artifact } = inspection;
    expect(artifact.manifest).toEqual(manifest);
    const rows: unknown[] = [];
    for await (const row of artifact.rows('b/rows.jsonl', z.object({ n: z.number() }))) rows.push(row);
    expect(rows).toEqual([{ n: 1 }, { n: 2 }]);
    expect(artifact.path('b')).toBe(join(home.state.artifact('demo', fingerprint), 'b'));
    expect(() => artifact.path('b/other')).toThrow('holds no b/other');
    await expect(artifact.json('a.txt', z.string())).rejects.toMatchObject({ code: 'engine/bad-output' });
    for (const name of ['../x', '/etc/passwd', 'b/../a.txt', '', 'b//rows.jsonl', './a.txt', 'b\\rows.jsonl', 'C:x']) {
      expect.soft(() => artifact.path(name), name).toThrow('does not name a file inside its folder');
    }
  });

  it('has a digest that depends on names and bytes alone', async () => {
    await using home = await temporaryState();
    const first = (await commit(home.state)).manifest.digest;
    const again = await commit(home.state, FILES, { facts: { ...facts, run: 'later', seconds: 9 } });
    expect(again.manifest.digest).toBe(first);
    expect((await listManifests(home.state, 'demo')).map((manifest) => manifest.run)).toEqual(['later']);
    const other = await commit(home.state, { ...FILES, 'a.txt': 'texT' });
    expect(other.manifest.digest).not.toBe(first);
    const inspection = await inspectArtifact(home.state, 'demo', fingerprint);
    expect(inspection.state).toBe('whole');
    expect(await readdir(home.state.staging)).toEqual([]);
  });

  it('refuses links and a manifest written by the stage', async () => {
    await using home = await temporaryState();
    const staging = await openStaging(home.state, fingerprint, 'nonce');
    await symlink('/etc/passwd', join(staging, 'stolen'));
    const options = { state: home.state, staging, facts, assertHeld: async () => undefined };
    const { signal } = new AbortController();
    await expect(commitArtifact({ ...options, signal })).rejects.toMatchObject({
      code: 'engine/output-not-a-file',
      message: expect.stringContaining('stolen'),
    });
    await expect(commit(home.state, { 'manifest.json': '{}' })).rejects.toMatchObject({ code: 'engine/reserved-name' });
    expect(await inspectArtifact(home.state, 'demo', fingerprint)).toEqual({ state: 'none' });
  });

  it('asks for lock and signal last, and then leaves no artifact', async () => {
    await using home = await temporaryState();
    const lost = commit(home.state, FILES, { assertHeld: () => Promise.reject(new Error('lock lost')) });
    await expect(lost).rejects.toThrow('lock lost');
    await expect(commit(home.state, FILES, { signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow('stop');
    expect(await inspectArtifact(home.state, 'demo', fingerprint)).toEqual({ state: 'none' });
    await openStaging(home.state, fingerprint, 'next');
    expect(await readdir(home.state.staging)).toEqual([`${fingerprint}.next`]);
  });
});

describe('inspectArtifact', () => {
  const inspect = async (state: StateDirectory) => {
    const inspection = await inspectArtifact(state, 'demo', fingerprint);
    return inspection.state === 'damaged' ? inspection.problem : inspection.state;
  };

  it.each<[string, (folder: string) => Promise<unknown>, string]>([
    ['a missing file', (f) => rm(join(f, 'a.txt')), 'a.txt is missing'],
    ['other length', (f) => writeFile(join(f, 'a.txt'), 'longer'), 'a.txt has 6 bytes instead of 4'],
    ['same length, other bytes', (f) => writeFile(join(f, 'a.txt'), 'TEXT'), 'a.txt has other content than it had'],
    [
      'a link in place of a file',
      async (f) => {
        await rename(join(f, 'a.txt'), join(f, '..', 'moved'));
        await symlink(join(f, '..', 'moved'), join(f, 'a.txt'));
      },
      'a.txt is a link or not a plain file',
    ],
    [
      'a link in place of a folder',
      async (f) => {
        await rename(join(f, 'b'), join(f, '..', 'moved'));
        await symlink(join(f, '..', 'moved'), join(f, 'b'));
      },
      'b is a link or not a plain file',
    ],
    [
      'a link in place of all of it',
      async (f) => {
        await rename(f, `${f}-moved`);
        await symlink(`${f}-moved`, f);
      },
      'it is a link or not a folder',
    ],
    ['no manifest', (f) => rm(join(f, 'manifest.json')), 'manifest.json is missing'],
    ['a torn manifest', (f) => writeFile(join(f, 'manifest.json'), '{"schema":'), 'manifest.json is unreadable'],
    [
      'a manifest with another hash',
      async (f) => {
        const text = await readFile(join(f, 'manifest.json'), 'utf8');
        await writeFile(join(f, 'manifest.json'), text.replace(sha256('text'), sha256('TEXT')));
      },
      'its digest does not follow from its list of files',
    ],
    [
      'a manifest with another preimage',
      async (f) => {
        const text = await readFile(join(f, 'manifest.json'), 'utf8');
        await writeFile(join(f, 'manifest.json'), text.replace('"seed": 1', '"seed": 2'));
      },
      'its fingerprint does not follow from its preimage',
    ],
  ])('tells %s', async (_name, damage, problem) => {
    await using home = await temporaryState();
    await commit(home.state);
    expect(await inspect(home.state)).toBe('whole');
    await damage(home.state.artifact('demo', fingerprint));
    expect(await inspect(home.state)).toContain(problem);
  });

  it('remembers what it has hashed, but not across a change that keeps size and modification time', async () => {
    await using home = await temporaryState();
    await commit(home.state);
    const memo = home.state.verified('demo', fingerprint);
    expect(await inspect(home.state)).toBe('whole');
    // Young files are hashed each time, so nothing is remembered yet.
    await expect(lstat(memo)).rejects.toMatchObject({ code: 'ENOENT' });
    const remembered = async (): Promise<boolean> => {
      expect(await inspect(home.state)).toBe('whole');
      return lstat(memo).then(
        () => true,
        () => false,
      );
    };
    await expect.poll(remembered, { timeout: 10_000, interval: 250 }).toBe(true);
    const file = join(home.state.artifact('demo', fingerprint), 'a.txt');
    const { atime, mtime } = await lstat(file);
    await writeFile(file, 'TEXT');
    await utimes(file, atime, mtime);
    expect(await inspect(home.state)).toContain('a.txt has other content');
  });

  it('passes over files that the manifest does not list', async () => {
    await using home = await temporaryState();
    await commit(home.state);
    const folder = home.state.artifact('demo', fingerprint);
    await writeFile(join(folder, '.DS_Store'), '');
    await link(join(folder, 'a.txt'), join(folder, 'second-name'));
    expect(await inspect(home.state)).toBe('whole');
  });

  it('does not find an artifact of another stage or name', async () => {
    await using home = await temporaryState();
    await commit(home.state);
    const other = sha256('other') as Sha256;
    await rename(home.state.artifact('demo', fingerprint), home.state.artifact('demo', other));
    expect(await inspectArtifact(home.state, 'demo', other)).toEqual({
      state: 'damaged',
      problem: 'its manifest belongs to another artifact',
    });
  });
});
