import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/hash.js';
import { fetchPinned, type PinnedFile, pinnedFile } from '../../../src/suites/sources/pinned-file.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const file: PinnedFile = {
  name: 'Own-v1.jsonl',
  address: 'https://example.invalid/Own.jsonl.gz',
  sha256: sha256('own'),
};
const use = (cacheFolder: string, source: string) => ({
  cacheFolder,
  source,
  variables: {},
  say: () => undefined,
  signal: new AbortController().signal,
});

describe('a file of a benchmark', () => {
  it('is never fetched by who only wants to use it', async () => {
    await using folder = await temporaryFolder();
    await expect(pinnedFile('own', file, { cacheFolder: folder.path })).rejects.toMatchObject({
      code: 'suites/not-set-up',
    });
  });

  it.each([
    ['packed', 'Own.jsonl.gz', gzipSync('own')],
    ['unpacked', 'Own.jsonl', 'own'],
    ['as the cache has it', 'Own-v1.jsonl', 'own'],
  ])('is taken from a folder %s', async (_, name, content) => {
    await using folder = await temporaryFolder();
    await folder.write(`there/${name}`, content);
    await fetchPinned(file, use(folder.path, join(folder.path, 'there')));
    expect(await pinnedFile('own', file, { cacheFolder: folder.path })).toBe(
      join(folder.path, 'sources', 'Own-v1.jsonl'),
    );
  });

  it('counts only with the content that the pin says, when it comes and ever after', async () => {
    await using folder = await temporaryFolder();
    const other = await folder.write('Own.jsonl', 'another');
    await expect(fetchPinned(file, use(folder.path, other))).rejects.toMatchObject({ code: 'suites/bad-source' });
    await expect(pinnedFile('own', file, { cacheFolder: folder.path })).rejects.toMatchObject({
      code: 'suites/not-set-up',
    });
    await folder.write('sources/Own-v1.jsonl', 'another');
    await expect(pinnedFile('own', file, { cacheFolder: folder.path })).rejects.toMatchObject({
      code: 'suites/bad-source',
    });
  });

  it('says what is missing where it is looked for', async () => {
    await using folder = await temporaryFolder();
    await expect(fetchPinned(file, use(folder.path, folder.path))).rejects.toMatchObject({
      code: 'suites/not-fetched',
    });
  });
});
