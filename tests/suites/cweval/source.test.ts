import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cwevalModule } from '../../../src/suites/cweval/cweval-module.js';
import { PIN } from '../../../src/suites/cweval/source.js';
import { fetchSource, pinnedSource } from '../../../src/suites/sources/pinned-source.js';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.js';

/** Takes CWEval from somewhere into a cache folder below that one. */
const fetchInto = ({ path }: TemporaryFolder, source: string) =>
  fetchSource(PIN, {
    cacheFolder: join(path, 'cache'),
    variables: process.env,
    source,
    signal: new AbortController().signal,
  });

describe('the files of CWEval', () => {
  it('are not taken from a repository without the pinned commit, and nothing is left of the try', async () => {
    await using folder = await temporaryFolder();
    const mirror = join(folder.path, 'mirror');
    execFileSync('git', ['init', '--quiet', mirror]);
    await expect(fetchInto(folder, mirror)).rejects.toMatchObject({
      code: 'suites/not-fetched',
      hint: expect.stringContaining('--source'),
    });
    expect(readdirSync(join(folder.path, 'cache', 'sources'))).toEqual([]);
  });

  it('are fetched by whoever sets the suite up, and by nobody else', async () => {
    await using folder = await temporaryFolder();
    await expect(pinnedSource(PIN, { cacheFolder: folder.path })).rejects.toMatchObject({
      code: 'suites/not-set-up',
      hint: expect.stringContaining('secpi suites setup cweval'),
    });
    expect(readdirSync(folder.path)).toEqual([]);
  });

  it('are compared with the pin whenever they are used', async () => {
    await using folder = await temporaryFolder();
    await folder.write(`sources/cweval-${PIN.commit.slice(0, 12)}/go.mod`, 'module other\n');
    await expect(pinnedSource(PIN, { cacheFolder: folder.path })).rejects.toMatchObject({
      code: 'suites/bad-source',
      message: expect.stringContaining('benchmark, cweval, LICENSE, go.mod, go.sum'),
    });
  });

  it('are named by a digest that needs none of them', async () => {
    const options = cwevalModule.options.parse({});
    const digest = (more: object) => cwevalModule.digest({ ...options, ...more }, { cacheFolder: '/nowhere' });
    expect(await digest({ extract: 'last' })).not.toBe(await digest({}));
    expect(await digest({ style: 'secure' })).not.toBe(await digest({}));
  });

  it('come by no other way than git over https, ssh or from a folder', async () => {
    await using folder = await temporaryFolder();
    for (const source of ['ext::sh -c "touch ran"', '--upload-pack=touch ran', 'git://127.0.0.1:1/a'])
      await expect(fetchInto(folder, source)).rejects.toMatchObject({ code: 'suites/not-fetched' });
    expect(readdirSync(join(folder.path, 'cache', 'sources'))).toEqual([]);
  });
});
