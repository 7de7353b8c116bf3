import { existsSync, statSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { abandonStaging } from '../../../src/engine/artifacts/commit.js';
import { dissolve, openStaging, stagedFiles, stagedManifest } from '../../../src/engine/artifacts/staging.js';
import { Interruption } from '../../../src/engine/runs/interruption.js';
import { watchFaults } from '../../support/fault-points.js';
import { fingerprint, stage } from '../fixtures/artifacts.js';
import { temporaryState } from '../fixtures/temporary-state.js';

const MIB = 1024 * 1024;
/** What a copy may leave to the system to force to the disk: an abort has to wait for that. */
const FORCED_BYTES = 128 * MIB;

describe('the copy of a large file into the output', () => {
  it('ends soon after Ctrl-C, with little to wait for, and leaves no half of it', async () => {
    await using home = await temporaryState();
    const work = home.state.work(fingerprint);
    const from = join(work, 'model', 'weights');
    await mkdir(join(work, 'model'), { recursive: true });
    await writeFile(from, '');
    // Of zeros that take no room; the copy would.
    await truncate(from, 3072 * MIB);
    const staging = await openStaging({ state: home.state, fingerprint, nonce: 'n', work, keepWork: true });
    const to = join(stagedFiles(staging), 'model', 'weights');

    const controller = new AbortController();
    let unforced = 0;
    let [forcedAt, interruptedAt, endedAt] = [0, 0, 0];
    {
      using _watch = await watchFaults(({ call, path }) => {
        // Streamed, as on a file system that cannot share blocks.
        if (call === 'copy') return { code: 'ENOTSUP' };
        if (path !== to || call === 'create') return 'none';
        const { size } = statSync(to);
        unforced = Math.max(unforced, size - forcedAt);
        if (call === 'sync') forcedAt = size;
        endedAt = size;
        if (interruptedAt > 0 && size - interruptedAt > FORCED_BYTES) return { code: 'EIO' };
        if (interruptedAt === 0 && size >= 200 * MIB) {
          interruptedAt = size;
          controller.abort(new Interruption('SIGINT'));
        }
        return 'none';
      });
      await expect(staging.adopt('model', join(work, 'model'), controller.signal)).rejects.toThrow(Interruption);
    }
    expect(interruptedAt).toBe(200 * MIB);
    expect(endedAt - interruptedAt).toBeLessThanOrEqual(FORCED_BYTES);
    expect(unforced).toBeLessThanOrEqual(FORCED_BYTES);
    await staging.close();
    expect(await readdir(join(stagedFiles(staging), 'model'))).toEqual([]);
    expect((await stat(from)).size).toBe(3072 * MIB);
  });
});

describe('an attempt', () => {
  it('is not undone once its commit is decided', async () => {
    await using home = await temporaryState();
    const staging = await stage(home.state);
    await writeFile(stagedManifest(staging), '{}');
    await abandonStaging(staging, home.state.work(fingerprint));
    expect(existsSync(staging.folder)).toBe(true);
  });

  it('that died before it had written down anything is removed', async () => {
    await using home = await temporaryState();
    const folder = join(home.state.staging, `${fingerprint}.n`);
    await mkdir(join(folder, 'files'), { recursive: true });
    await dissolve(folder, home.state.work(fingerprint));
    expect(existsSync(folder)).toBe(false);
  });

  it('gives back what stands in whole lines of its list, and nothing that is home already', async () => {
    await using home = await temporaryState();
    const folder = join(home.state.staging, `${fingerprint}.n`);
    const work = home.state.work(fingerprint);
    for (const place of [join(folder, 'files'), work]) await mkdir(place, { recursive: true });
    for (const name of ['a', 'b', 'c']) await writeFile(join(folder, 'files', name), 'taken');
    await writeFile(join(work, 'b'), 'home');
    const list = ['{"name":"a","from":"a"}', '{"name":"b","from":"b"}', '{"name":"c","fro'].join('\n');
    await writeFile(join(folder, 'adopted.jsonl'), list);
    await dissolve(folder, work);
    expect((await readdir(work)).sort()).toEqual(['a', 'b']);
    expect(await readFile(join(work, 'b'), 'utf8')).toBe('home');
    expect((await stat(join(work, 'a'))).mode & 0o777).toBe(0o644);
  });
});
