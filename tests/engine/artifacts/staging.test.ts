import { statSync } from 'node:fs';
import { mkdir, readdir, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openStaging, stagedFiles } from '../../../src/engine/artifacts/staging.js';
import { Interruption } from '../../../src/engine/runs/interruption.js';
import { watchFaults } from '../../support/fault-points.js';
import { fingerprint } from '../fixtures/artifacts.js';
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
