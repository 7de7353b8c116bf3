import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { sha256 } from '../../src/base/hash.js';
import { hasWork, moveWorkAway, openWorkDirectory, removeWork, workFolder } from '../../src/engine/work-directory.js';
import { temporaryState } from './fixtures/temporary-state.js';

const options = { schema: z.object({ n: z.number() }), key: (row: { n: number }) => String(row.n) };
const fingerprint = sha256('a');

describe('openWorkDirectory', () => {
  it('keeps a log over runs, and allows one writer at a time', async () => {
    await using home = await temporaryState();
    const root = join(home.folder, 'work');
    const work = await openWorkDirectory(root);
    const log = await work.log('a/rows.jsonl', options);
    await log.append({ n: 1 });
    await expect(work.log('a/rows.jsonl', options)).rejects.toThrow('already open');
    await work.close();

    const later = await openWorkDirectory(root);
    const again = await later.log('a/rows.jsonl', options);
    expect(await again.get('1')).toEqual({ n: 1 });
    await again.close();
    await (await later.log('a/rows.jsonl', options)).close();
    await writeFile(work.path('a/rows.jsonl'), '{"m":2}\n');
    await expect(later.log('a/rows.jsonl', options)).rejects.toMatchObject({ code: 'base/bad-row' });
    expect(() => later.path('../../x')).toThrow('does not name a file inside its folder');
  });
});

describe('the work of a fingerprint', () => {
  it('has one folder, which moves when the lock was taken from an owner that may still write', async () => {
    await using home = await temporaryState();
    const { state } = home;
    expect(await hasWork(state, fingerprint)).toBe(false);
    const first = await workFolder(state, fingerprint);
    await mkdir(first, { recursive: true });
    expect(await hasWork(state, fingerprint)).toBe(false);
    await writeFile(join(first, 'checkpoint'), '1');
    await mkdir(state.work(sha256('b')));

    await moveWorkAway(state, fingerprint);
    const second = await workFolder(state, fingerprint);
    expect(second).not.toBe(first);
    expect(await readFile(join(second, 'checkpoint'), 'utf8')).toBe('1');
    // The old owner comes back for a moment and makes its folder anew: nobody goes on from that.
    await mkdir(first);
    await writeFile(join(first, 'checkpoint'), 'late');
    expect(await workFolder(state, fingerprint)).toBe(second);
    await moveWorkAway(state, fingerprint);
    expect(await readFile(join(await workFolder(state, fingerprint), 'checkpoint'), 'utf8')).toBe('1');

    await removeWork(state, fingerprint);
    expect(await readdir(state.works)).toEqual([sha256('b')]);
    await moveWorkAway(state, fingerprint);
    expect(await hasWork(state, fingerprint)).toBe(false);
  });
});
