import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HashMemo, settled } from '../../../src/base/files/hash-memo.js';
import { readIfThere } from '../../../src/base/files/if-there.js';
import { sha256 } from '../../../src/base/hash.js';
import { inspectArtifact, listManifests } from '../../../src/engine/artifacts/artifact-store.js';
import { abandonStaging, commitArtifact, recoverStaging } from '../../../src/engine/artifacts/commit.js';
import { openStaging, stagedFiles, stagedManifest } from '../../../src/engine/artifacts/staging.js';
import { watchFaults } from '../../support/fault-points.js';
import { replaceSleep } from '../../support/sleep.js';
import { commit, FILES, facts, fingerprint, stage } from '../fixtures/artifacts.js';
import { temporaryState } from '../fixtures/temporary-state.js';

const { signal } = new AbortController();

describe('commitArtifact', () => {
  it('makes a whole artifact with a sorted, hashed manifest', async () => {
    await using home = await temporaryState();
    const { manifest } = await commit(home.state);
    expect(manifest.outputs).toEqual([
      { path: 'B.txt', sha256: sha256(''), bytes: 0 },
      { path: 'a.txt', sha256: sha256('text'), bytes: 4 },
      { path: 'b/rows.jsonl', sha256: sha256(FILES['b/rows.jsonl'] ?? ''), bytes: 16 },
    ]);
    expect(await readdir(home.state.staging)).toEqual([]);
    expect(await inspectArtifact(home.state, 'demo', fingerprint, { signal })).toMatchObject({ state: 'whole' });
  });

  it('has a digest that depends on names and bytes alone, and keeps equal bytes once', async () => {
    await using home = await temporaryState();
    const first = await commit(home.state);
    const file = join(home.state.object(first.manifest.object), 'a.txt');
    const { ino } = await stat(file);
    const again = await commit(home.state, FILES, { facts: { ...facts, run: 'later', seconds: 9 } });
    expect(again.manifest.digest).toBe(first.manifest.digest);
    expect((await stat(file)).ino).toBe(ino);
    expect((await listManifests(home.state, 'demo')).map((manifest) => manifest.run)).toEqual(['later']);
    const other = await commit(home.state, { ...FILES, 'a.txt': 'texT' });
    expect(other.manifest.digest).not.toBe(first.manifest.digest);
    expect(await readdir(home.state.staging)).toEqual([]);
  });

  it('leaves those who read the artifact before valid: what is made again has another place', async () => {
    await using home = await temporaryState();
    const before = await commit(home.state, { 'a.txt': 'old bytes' });
    const after = await commit(home.state, { 'a.txt': 'new bytes' });
    expect(await readFile(before.path('a.txt'), 'utf8')).toBe('old bytes');
    expect(await readFile(after.path('a.txt'), 'utf8')).toBe('new bytes');
    const found = await inspectArtifact(home.state, 'demo', fingerprint, { signal });
    if (found.state !== 'whole') throw new Error(found.state);
    expect(await readFile(found.artifact.path('a.txt'), 'utf8')).toBe('new bytes');
  });

  it('makes bytes read-only: an editor that opens a result by mistake is told so', async () => {
    await using home = await temporaryState();
    const made = await commit(home.state);
    expect((await stat(made.path('a.txt'))).mode & 0o777).toBe(0o444);
  });

  it('forces every file to the disk, then the manifest, and points to it last', async () => {
    await using home = await temporaryState();
    const staging = await stage(home.state);
    const done: string[] = [];
    {
      using _watch = await watchFaults(({ call, path }) => {
        if (['sync', 'rename', 'write'].includes(call) && !path.includes('/locks') && !path.includes('/hashes')) {
          done.push(
            `${call} ${path
              .replace(home.state.root, '')
              .replace(/[0-9a-f]{64}/g, '#')
              .replace(/#\.n\d+|\.[0-9a-f]{16}/g, '*')}`,
          );
        }
        return 'none';
      });
      await commitArtifact({ state: home.state, staging, facts, signal, assertSound: async () => undefined });
    }
    // Which of the folders above are new is another matter.
    expect(done.filter((step) => step !== 'sync ' && step !== 'sync /artifacts')).toEqual([
      'sync /staging/*/files/B.txt',
      'sync /staging/*/files/a.txt',
      'sync /staging/*/files/b/rows.jsonl',
      'sync /staging/*/files/b',
      'write /staging/*/manifest.json*.unfinished',
      'sync /staging/*/manifest.json*.unfinished',
      'rename /staging/*/manifest.json*.unfinished',
      'sync /staging/*',
      'rename /staging/*/files',
      'sync /objects',
      'rename /staging/*/manifest.json',
      'sync /artifacts/demo',
    ]);
  });

  it('refuses links', async () => {
    await using home = await temporaryState();
    const staging = await stage(home.state);
    await symlink('/etc/passwd', join(stagedFiles(staging), 'stolen'));
    const options = { state: home.state, staging, facts, signal, assertSound: async () => undefined };
    await expect(commitArtifact(options)).rejects.toMatchObject({
      code: 'engine/output-not-a-file',
      message: expect.stringContaining('stolen'),
    });
    expect(await inspectArtifact(home.state, 'demo', fingerprint, { signal })).toEqual({ state: 'none' });
  });

  it('asks last whether the artifact may appear, and then leaves none', async () => {
    await using home = await temporaryState();
    const lost = commit(home.state, FILES, { assertSound: () => Promise.reject(new Error('lock lost')) });
    await expect(lost).rejects.toThrow('lock lost');
    await expect(commit(home.state, FILES, { signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow('stop');
    expect(await inspectArtifact(home.state, 'demo', fingerprint, { signal })).toEqual({ state: 'none' });
    expect(existsSync(join(home.state.root, 'objects'))).toBe(false);
  });
});

describe('the hashes of large output', () => {
  it('are earned once: after its commit nobody reads its bytes again', async () => {
    await using home = await temporaryState();
    const large = 64 * 1024 * 1024;
    const staging = await stage(home.state, { 'a.txt': 'text', 'model/w': '', 'model/x': '' });
    await truncate(join(stagedFiles(staging), 'model/w'), large);
    const readsOf = async (work: () => Promise<unknown>): Promise<string[]> => {
      using watch = await watchFaults(() => 'none', { looks: true });
      await work();
      const reads = watch.points.filter(({ call, path }) => call === 'read' && /\/(?:a\.txt|w|x)$/.test(path));
      return [...new Set(reads.map(({ path }) => basename(path)))].sort();
    };
    let object = '';
    const committed = await readsOf(async () => {
      const assertSound = async () => undefined;
      const { manifest } = await commitArtifact({ state: home.state, staging, facts, signal, assertSound });
      object = home.state.object(manifest.object);
    });
    expect(committed).toEqual(['a.txt', 'w', 'x']);
    expect((await stat(join(object, 'model/w'))).size).toBe(large);
    const inspected = await readsOf(async () => {
      expect(await inspectArtifact(home.state, 'demo', fingerprint, { signal })).toMatchObject({ state: 'whole' });
    });
    expect(inspected).toEqual([]);
  });

  it('can be remembered once they were waited for, though a timer may come a little early', async () => {
    await using home = await temporaryState();
    const path = join(home.folder, 'a');
    await writeFile(path, 'text');
    // In the first moment that Node allows, which is up to a millisecond before the one that was asked for.
    using _sleep = replaceSleep((real) => async (milliseconds, asked) => {
      const until = Date.now() + milliseconds - 1;
      await real(Math.max(0, milliseconds - 100), asked);
      while (Date.now() < until);
    });
    await settled(path, signal);
    const memo = HashMemo.fresh();
    await memo.hash('a', path, signal);
    await memo.save(`${path}.json`);
    expect(await readIfThere(`${path}.json`)).toContain(sha256('text'));
  });
});

/** Staging that holds what was moved from the work folder: `model/w` and `loss.jsonl`. */
async function withAdopted(home: Awaited<ReturnType<typeof temporaryState>>, nonce: string, keepWork = false) {
  const work = home.state.work(fingerprint);
  await mkdir(join(work, 'train/adapter'), { recursive: true });
  await writeFile(join(work, 'train/adapter/w'), 'a day of training');
  await writeFile(join(work, 'loss.jsonl'), '{}\n');
  const staging = await openStaging({ state: home.state, fingerprint, nonce, work, keepWork });
  await staging.adopt('model', join(work, 'train/adapter'), signal);
  await staging.adopt('loss.jsonl', join(work, 'loss.jsonl'), signal);
  await staging.close();
  return { staging, work };
}

describe('adopted output', () => {
  it('is moved, never copied: it keeps its inode from the work folder to the object', async () => {
    await using home = await temporaryState();
    const work = home.state.work(fingerprint);
    await mkdir(join(work, 'out'), { recursive: true });
    await writeFile(join(work, 'out/w'), 'weights');
    const { ino } = await stat(join(work, 'out/w'));
    const staging = await openStaging({ state: home.state, fingerprint, nonce: 'n', work, keepWork: false });
    await staging.adopt('model', join(work, 'out'), signal);
    await staging.close();
    const made = await commitArtifact({
      state: home.state,
      staging,
      facts,
      signal,
      assertSound: async () => undefined,
    });
    expect((await stat(made.path('model/w'))).ino).toBe(ino);
    expect(await readdir(work)).toEqual([]);
  });

  it('goes back where it was when the attempt fails, and can be written to again', async () => {
    await using home = await temporaryState();
    const { staging, work } = await withAdopted(home, 'n');
    await chmod(join(stagedFiles(staging), 'model/w'), 0o444);
    await abandonStaging(staging, work);
    expect(await readFile(join(work, 'train/adapter/w'), 'utf8')).toBe('a day of training');
    expect((await stat(join(work, 'train/adapter/w'))).mode & 0o777).toBe(0o644);
    expect(await readFile(join(work, 'loss.jsonl'), 'utf8')).toBe('{}\n');
    expect(await readdir(home.state.staging)).toEqual([]);
  });

  it('is copied where the work folder is to stay as it is', async () => {
    await using home = await temporaryState();
    const { staging, work } = await withAdopted(home, 'n', true);
    expect(await readFile(join(stagedFiles(staging), 'model/w'), 'utf8')).toBe('a day of training');
    expect(await readFile(join(work, 'train/adapter/w'), 'utf8')).toBe('a day of training');
  });
});

describe('recoverStaging', () => {
  it('undoes an attempt whose manifest is torn, and waits for a disk that does not give it', async () => {
    await using home = await temporaryState();
    const { staging, work } = await withAdopted(home, 'n');
    await writeFile(stagedManifest(staging), '{"schema":');
    {
      using _watch = await watchFaults(
        ({ call, path }) => (call === 'read' && path.endsWith('manifest.json') ? { code: 'ETIMEDOUT' } : 'none'),
        { looks: true },
      );
      await expect(recoverStaging(home.state, fingerprint, work, { signal })).rejects.toMatchObject({
        code: 'ETIMEDOUT',
      });
    }
    expect(existsSync(staging.folder)).toBe(true);
    await recoverStaging(home.state, fingerprint, work, { signal });
    expect(existsSync(staging.folder)).toBe(false);
    expect(await readFile(join(work, 'train/adapter/w'), 'utf8')).toBe('a day of training');
  });

  it('gives back what a killed attempt had moved, also when that was cut off in the middle', async () => {
    await using home = await temporaryState();
    const { work } = await withAdopted(home, 'n');
    const steps = await countChanges(() => Promise.resolve());
    expect(steps).toBe(0);
    for (let at = 1; ; at += 1) {
      let failed = false;
      {
        using _watch = await watchFaults(({ number }) => (number === at ? { code: 'EIO' } : 'none'));
        await recoverStaging(home.state, fingerprint, work, { signal }).catch(() => {
          failed = true;
        });
      }
      await recoverStaging(home.state, fingerprint, work, { signal });
      expect(await readFile(join(work, 'train/adapter/w'), 'utf8')).toBe('a day of training');
      expect(await readFile(join(work, 'loss.jsonl'), 'utf8')).toBe('{}\n');
      expect(await readdir(home.state.staging)).toEqual([]);
      if (!failed) break;
      await withAdopted(home, `n${at}`);
    }
  });

  it('finishes a commit that was decided, wherever it was cut off', async () => {
    await using home = await temporaryState();
    const work = home.state.work(fingerprint);
    const reference = (await commit(home.state)).manifest;
    // Each place at which a commit can fail from the decision on.
    let cuts = 0;
    for (let at = 1; at < 60; at += 1) {
      await using other = await temporaryState();
      const staging = await stage(other.state);
      let error: unknown;
      {
        using _watch = await watchFaults(({ number }) => (number === at ? { code: 'EIO' } : 'none'));
        await commitArtifact({ state: other.state, staging, facts, signal, assertSound: async () => undefined }).catch(
          (thrown: unknown) => {
            error = thrown;
          },
        );
      }
      const decided = existsSync(join(staging.folder, 'manifest.json'));
      await recoverStaging(other.state, fingerprint, work, { signal });
      const found = await inspectArtifact(other.state, 'demo', fingerprint, { signal });
      expect
        .soft(found.state, `EIO at ${at}`)
        .toBe(error === undefined || decided || found.state === 'whole' ? 'whole' : 'none');
      if (found.state === 'whole') expect(found.artifact.manifest.digest).toBe(reference.digest);
      if (decided && error !== undefined) cuts += 1;
      expect(await readdir(other.state.staging)).toEqual([]);
    }
    expect(cuts).toBeGreaterThan(3);
  });

  it('does not finish what the disk has spoilt meanwhile', async () => {
    await using home = await temporaryState();
    const staging = await stage(home.state);
    {
      using _watch = await watchFaults(({ call, path }) =>
        call === 'rename' && path.endsWith('/files') ? { code: 'EIO' } : 'none',
      );
      await expect(
        commitArtifact({ state: home.state, staging, facts, signal, assertSound: async () => undefined }),
      ).rejects.toMatchObject({ code: 'EIO' });
    }
    await writeFile(join(stagedFiles(staging), 'a.txt'), 'TEXT');
    await recoverStaging(home.state, fingerprint, home.state.work(fingerprint), { signal });
    expect(await inspectArtifact(home.state, 'demo', fingerprint, { signal })).toEqual({ state: 'none' });
    expect(await readdir(home.state.staging)).toEqual([]);
  });
});

async function countChanges(work: () => Promise<unknown>): Promise<number> {
  using watch = await watchFaults(() => 'none');
  await work();
  return watch.points.length;
}
