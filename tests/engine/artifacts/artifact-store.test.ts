import { link, mkdir, readdir, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { settled, stampOf } from '../../../src/base/files/hash-memo.js';
import { sha256, sha256Json } from '../../../src/base/hash.js';
import { acquireLock } from '../../../src/base/locks/lock.js';
import { inspectArtifact, listManifests, setAside } from '../../../src/engine/artifacts/artifact-store.js';
import { preimageJson } from '../../../src/engine/flow/fingerprint.js';
import type { StateDirectory } from '../../../src/engine/state-directory.js';
import { watchFaults } from '../../support/fault-points.js';
import { commit, FILES, facts, fingerprint, preimage } from '../fixtures/artifacts.js';
import { Gate } from '../fixtures/small-flow.js';
import { temporaryState } from '../fixtures/temporary-state.js';

const { signal } = new AbortController();
const inspect = async (state: StateDirectory) => {
  const inspection = await inspectArtifact(state, 'demo', fingerprint, { signal });
  return inspection.state === 'damaged' ? inspection.problem : inspection.state;
};

describe('an artifact', () => {
  it('gives its reader what the manifest lists, and nothing else', async () => {
    await using home = await temporaryState();
    expect(await inspect(home.state)).toBe('none');
    const { manifest } = await commit(home.state);
    const inspection = await inspectArtifact(home.state, 'demo', fingerprint, { signal });
    if (inspection.state !== 'whole') throw new Error(inspection.state);
    const { artifact } = inspection;
    expect(artifact.manifest).toEqual(manifest);
    const rows: unknown[] = [];
    for await (const row of artifact.rows('b/rows.jsonl', z.object({ n: z.number() }))) rows.push(row);
    expect(rows).toEqual([{ n: 1 }, { n: 2 }]);
    expect(artifact.path('b')).toBe(join(home.state.object(manifest.object), 'b'));
    expect(artifact.files('b')).toEqual([
      { path: 'b/rows.jsonl', sha256: sha256(FILES['b/rows.jsonl'] ?? ''), bytes: 16 },
    ]);
    expect(() => artifact.path('b/other')).toThrow('holds no b/other');
    await expect(artifact.json('a.txt', z.string())).rejects.toMatchObject({ code: 'engine/bad-output' });
    for (const name of ['../x', '/etc/passwd', 'b/../a.txt', '', 'b//rows.jsonl', './a.txt', 'b\\rows.jsonl', 'C:x']) {
      expect.soft(() => artifact.path(name), name).toThrow('does not name a file inside its folder');
    }
  });

  it('names the content of a part of it without reading it, wherever in the artifact it stands', async () => {
    await using home = await temporaryState();
    const first = await commit(home.state, { 'model/w': 'weights', 'model/c': 'config', note: '1' });
    const digest = first.digest('model');
    const second = await commit(home.state, { 'other/w': 'weights', 'other/c': 'config', note: '2' });
    expect(second.digest('other')).toBe(digest);
    const third = await commit(home.state, { 'model/w': 'Weights', 'model/c': 'config' });
    expect(third.digest('model')).not.toBe(digest);
    expect(first.digest('note')).toBe(sha256('1'));
    expect(() => first.digest('gone')).toThrow('holds no gone');
  });

  it('can hold references to bytes that stay on another machine', async () => {
    await using home = await temporaryState();
    const at = { machine: 'gpu', path: '/scratch/model/w.safetensors' };
    const weights = { path: 'model/w.safetensors', sha256: sha256('65 GB'), bytes: 65e9, at };
    const made = await commit(home.state, { 'model/config.json': '{}', note: 'here' }, { references: [weights] });
    expect(made.manifest.outputs.map(({ path }) => path)).toEqual(['model/config.json', 'model/w.safetensors', 'note']);
    // Not the bytes that are here, but all that belongs to it: whoever reads it downstream has another fingerprint.
    expect(made.manifest.digest).not.toBe(made.manifest.object);
    expect(await inspect(home.state)).toBe('whole');
    const inspection = await inspectArtifact(home.state, 'demo', fingerprint, { signal });
    if (inspection.state !== 'whole') throw new Error(inspection.state);
    const { artifact } = inspection;
    expect(artifact.files('model/w.safetensors')).toEqual([weights]);
    expect(await readFile(artifact.path('note'), 'utf8')).toBe('here');
    expect(() => artifact.path('model')).toThrow('lies on gpu (/scratch/model/w.safetensors)');

    const allHere = await commit(home.state, {
      'model/config.json': '{}',
      'model/w.safetensors': '65 GB',
      note: 'here',
    });
    expect(allHere.manifest.digest).toBe(made.manifest.digest);
  });
});

describe('inspectArtifact tells damage:', () => {
  it.each<[string, (object: string, manifest: string) => Promise<unknown>, string]>([
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
    ['no bytes at all', (f) => rm(f, { recursive: true }), 'its files are missing'],
    ['a torn manifest', (_f, m) => writeFile(m, '{"schema":'), 'its manifest is unreadable'],
    ['an empty manifest', (_f, m) => writeFile(m, ''), 'its manifest is unreadable'],
    [
      'another hash in the manifest',
      (_f, m) => edit(m, sha256('text'), sha256('TEXT')),
      'changed after it was written',
    ],
    ['another preimage', (_f, m) => edit(m, '"a": 1', '"a": 2'), 'changed after it was written'],
    ['another count', (_f, m) => edit(m, '"rows": 2', '"rows": 2000'), 'changed after it was written'],
    ['another cost', (_f, m) => edit(m, '"cost_usd": 0', '"cost_usd": 9'), 'changed after it was written'],
    ['a figure that was added', (_f, m) => edit(m, '"metrics": {}', '"metrics": {"f": 1}'), 'changed after it was'],
  ])('%s', async (_name, damage, problem) => {
    await using home = await temporaryState();
    const { manifest } = await commit(home.state);
    expect(await inspect(home.state)).toBe('whole');
    await damage(home.state.object(manifest.object), home.state.artifact('demo', fingerprint));
    expect(await inspect(home.state)).toContain(problem);
  });

  it.each([
    ['under another fingerprint', 'demo', sha256('other')],
    ['of another stage', 'other', fingerprint],
  ])('a manifest %s', async (_name, stage, name) => {
    await using home = await temporaryState();
    await commit(home.state);
    await mkdir(home.state.artifacts(stage), { recursive: true });
    await rename(home.state.artifact('demo', fingerprint), home.state.artifact(stage, name));
    expect(await inspectArtifact(home.state, stage, name, { signal })).toEqual({
      state: 'damaged',
      problem: 'its manifest belongs to another artifact',
    });
  });
});

describe('listManifests', () => {
  it('gives the newest first, of a stage that has made something', async () => {
    await using home = await temporaryState();
    const days = [3, 1, 4, 2, 9, 7, 5, 8, 6];
    for (const day of days) {
      const made = preimageJson({ ...preimage, params: { day } });
      const started_at = `2026-01-0${day}T00:00:00.000Z`;
      await commit(home.state, FILES, {
        facts: { ...facts, preimage: made, fingerprint: sha256Json(made), started_at },
      });
    }
    const dates = (await listManifests(home.state, 'demo')).map(({ started_at }) => Number(started_at.slice(8, 10)));
    expect(dates).toEqual(days.toSorted().toReversed());
    expect(await listManifests(home.state, 'none')).toEqual([]);
  });
});

describe('a reader that is asked for what is not there', () => {
  it.each([
    [0, 'It holds: no files'],
    [10, 'It holds: f00, f01, f02, f03, f04, f05, f06, f07, f08, f09'],
    [11, 'It holds: f00, f01, f02, f03, f04, f05, f06, f07, f08, f09, …'],
  ])('says what there is, of %i files', async (count, hint) => {
    await using home = await temporaryState();
    const files = Object.fromEntries(Array.from({ length: count }, (_, n) => [`f${String(n).padStart(2, '0')}`, '']));
    const made = await commit(home.state, files);
    expect(() => made.path('g')).toThrow(expect.objectContaining({ code: 'engine/no-such-output', hint }));
  });

  it('says where it is instead, and what is wrong with what is there', async () => {
    await using home = await temporaryState();
    const away = { path: 'w', sha256: sha256('w'), bytes: 1, at: { machine: 'gpu', path: '/scratch/w' } };
    const made = await commit(home.state, FILES, { references: [away] });
    expect(() => made.path('w')).toThrow(expect.objectContaining({ hint: expect.stringContaining('fetched first') }));
    await expect(made.json('a.txt', z.object({}))).rejects.toMatchObject({
      code: 'engine/bad-output',
      cause: expect.any(SyntaxError),
    });
  });
});

describe('inspectArtifact takes for no damage:', () => {
  it.each(['EACCES', 'EIO', 'ESTALE', 'EMFILE', 'ENOTCONN', 'ETIMEDOUT', 'EKEYEXPIRED', 'ENOMEM'])(
    '%s, wherever it strikes',
    async (code) => {
      await using home = await temporaryState();
      const { manifest } = await commit(home.state);
      const manifestPath = home.state.artifact('demo', fingerprint);
      const object = home.state.object(manifest.object);
      for (const place of [manifestPath, object, join(object, 'a.txt')]) {
        let struck = 0;
        using _watch = await watchFaults(
          (point) => {
            if (point.path !== place) return 'none';
            struck += 1;
            return { code };
          },
          { looks: true },
        );
        await expect(inspectArtifact(home.state, 'demo', fingerprint, { signal }), place).rejects.toMatchObject({
          code,
        });
        expect(struck).toBe(1);
      }
      expect(await inspect(home.state)).toBe('whole');
    },
  );

  it('a manifest that a newer version wrote: it is refused with a sentence, and stays where it is', async () => {
    await using home = await temporaryState();
    await commit(home.state);
    const path = home.state.artifact('demo', fingerprint);
    await edit(path, '"schema": 2', '"schema": 3');
    const text = await readFile(path, 'utf8');
    await expect(inspectArtifact(home.state, 'demo', fingerprint, { signal })).rejects.toMatchObject({
      code: 'engine/newer-state',
      message: expect.stringContaining('was written by a newer secpi (its schema is 3, not 2)'),
    });
    expect(await readFile(path, 'utf8')).toBe(text);
  });

  it('a change time that moves while a file is verified', async () => {
    await using home = await temporaryState();
    const { manifest } = await commit(home.state);
    const file = join(home.state.object(manifest.object), 'a.txt');
    let touched = 0;
    using _watch = await watchFaults(
      ({ call, path }) => {
        // Between the first look at a file and the second.
        if (call === 'look' && path === file) touched += 1;
        return 'none';
      },
      { looks: true },
    );
    const touching = (async () => {
      while (touched < 1000) {
        await utimes(file, new Date(), new Date());
        touched += 1;
      }
    })();
    for (let turn = 0; turn < 20; turn += 1) expect(await inspect(home.state)).toBe('whole');
    touched = 1000;
    await touching;
  });

  it('a state folder that cannot be written to', async () => {
    await using home = await temporaryState();
    const { manifest } = await commit(home.state);
    await settled(join(home.state.object(manifest.object), 'a.txt'), signal);
    using watch = await watchFaults(() => ({ code: 'EROFS' }));
    expect(await inspect(home.state)).toBe('whole');
    // It wanted to remember the hashes, and could not.
    expect(watch.points.length).toBeGreaterThan(0);
  });

  it('files that the manifest does not list', async () => {
    await using home = await temporaryState();
    const { manifest } = await commit(home.state);
    const object = home.state.object(manifest.object);
    await writeFile(join(object, '.DS_Store'), '');
    await link(join(object, 'a.txt'), join(object, 'second-name'));
    expect(await inspect(home.state)).toBe('whole');
  });
});

describe('the hash that a commit earned', () => {
  it('is not earned again: the bytes are read once, and then only when somebody has touched them', async () => {
    await using home = await temporaryState();
    const { manifest } = await commit(home.state);
    const file = join(home.state.object(manifest.object), 'a.txt');
    await settled(file, signal);
    expect(await inspect(home.state)).toBe('whole');
    const memo = home.state.hashes(manifest.object);
    // Only this shows that it is the memory that answers: it is told something else.
    const { identity } = await stampOf(file);
    const text = await readFile(memo, 'utf8');
    expect(text).toContain(`${identity}:${sha256('text')}`);
    await writeFile(memo, text.replace(`${identity}:${sha256('text')}`, `${identity}:${sha256('TEXT')}`));
    expect(await inspect(home.state)).toContain('a.txt has other content');
    await writeFile(memo, text);
    const { atime, mtime } = await import('node:fs/promises').then((fs) => fs.stat(file));
    await writeFile(file, 'TEXT');
    await utimes(file, atime, mtime);
    expect(await inspect(home.state)).toContain('a.txt has other content');
  });
});

describe('setAside', () => {
  it('moves what is damaged, and only that', async () => {
    await using home = await temporaryState();
    const { manifest } = await commit(home.state);
    const object = home.state.object(manifest.object);
    await writeFile(home.state.artifact('demo', fingerprint), 'torn');
    const first = await setAside(home.state, 'demo', fingerprint, { signal });
    expect(await readdir(first)).toEqual(['manifest.json']);
    expect(await readFile(join(object, 'a.txt'), 'utf8')).toBe('text');

    await commit(home.state);
    await writeFile(join(object, 'a.txt'), 'spoilt');
    const second = await setAside(home.state, 'demo', fingerprint, { signal });
    expect((await readdir(second)).sort()).toEqual(['files', 'manifest.json']);
    expect(await readFile(join(second, 'files', 'a.txt'), 'utf8')).toBe('spoilt');
    expect(await inspect(home.state)).toBe('none');
  });

  it('has a folder of its own for each, named after what was damaged', async () => {
    await using home = await temporaryState();
    const { manifest } = await commit(home.state);
    await writeFile(join(home.state.object(manifest.object), 'a.txt'), 'spoilt');
    const aside = await setAside(home.state, 'demo', fingerprint, { signal });
    expect(basename(aside)).toMatch(new RegExp(`^demo-${fingerprint.slice(0, 12)}-[0-9a-f]{8}$`));
    await commit(home.state);
    await writeFile(join(home.state.object(manifest.object), 'a.txt'), 'spoilt');
    await commit(home.state);
    const names = await readdir(home.state.damaged);
    expect(names).toContainEqual(
      expect.stringMatching(new RegExp(`^object-${manifest.object.slice(0, 12)}-[0-9a-f]{8}$`)),
    );
  });

  it('waits for whoever puts the same bytes in their place', async () => {
    await using home = await temporaryState();
    const { manifest } = await commit(home.state);
    const lock = await acquireLock(home.state.lock(manifest.object), { signal });
    const waiting = new Gate();
    let committed = false;
    const again = commit(home.state, FILES, { onWaiting: () => waiting.open() }).then(() => {
      committed = true;
    });
    await waiting.passed();
    expect(committed).toBe(false);
    await lock.release();
    await again;
  });

  it('leaves bytes that are good by now: another process may have put them there', async () => {
    await using home = await temporaryState();
    const { manifest } = await commit(home.state);
    const object = home.state.object(manifest.object);
    // Seen as damaged by somebody, mended since.
    await setAside(home.state, 'demo', fingerprint, { signal });
    expect(await readFile(join(object, 'a.txt'), 'utf8')).toBe('text');
  });

  it('lets a damaged object be replaced under a lock of its own', async () => {
    await using home = await temporaryState();
    const { manifest } = await commit(home.state);
    const object = home.state.object(manifest.object);
    await writeFile(join(object, 'a.txt'), 'spoilt');
    await mkdir(join(home.state.root, 'locks'), { recursive: true });
    const again = await commit(home.state);
    expect(again.manifest.object).toBe(manifest.object);
    expect(await readFile(join(object, 'a.txt'), 'utf8')).toBe('text');
    const [aside] = await readdir(home.state.damaged);
    expect(await readFile(join(home.state.damaged, aside ?? '', 'files', 'a.txt'), 'utf8')).toBe('spoilt');
  });
});

async function edit(path: string, from: string, to: string): Promise<void> {
  const text = await readFile(path, 'utf8');
  if (!text.includes(from)) throw new Error(`${path} holds no ${from}`);
  await writeFile(path, text.replace(from, to));
}
