import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cwevalModule } from '../../../src/suites/cweval/cweval-module.js';
import { PIN, sourceFolder } from '../../../src/suites/cweval/source.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

describe('the files of CWEval', () => {
  it('are not taken from a repository without the pinned commit, and nothing is left of the try', async () => {
    await using folder = await temporaryFolder();
    const mirror = join(folder.path, 'mirror');
    execFileSync('git', ['init', '--quiet', mirror]);
    const files = { cacheFolder: join(folder.path, 'cache'), variables: process.env };
    await expect(sourceFolder(mirror, files)).rejects.toMatchObject({
      code: 'suites/not-fetched',
      hint: expect.stringContaining('--source'),
    });
    expect(readdirSync(join(folder.path, 'cache', 'sources'))).toEqual([]);
  });

  it('are compared with the pin whenever they are used', async () => {
    await using folder = await temporaryFolder();
    await folder.write(`sources/cweval-${PIN.commit.slice(0, 12)}/go.mod`, 'module other\n');
    await expect(sourceFolder(undefined, { cacheFolder: folder.path })).rejects.toMatchObject({
      code: 'suites/bad-source',
      message: expect.stringContaining('benchmark, cweval, LICENSE, go.mod, go.sum'),
    });
  });

  it('are named by a digest that needs none of them', async () => {
    const options = cwevalModule.options.parse({});
    const digest = (more: object) => cwevalModule.digest({ ...options, ...more }, { cacheFolder: '/nowhere' });
    expect(await digest({ source: '/elsewhere' })).toBe(await digest({}));
    expect(await digest({ extract: 'last' })).not.toBe(await digest({}));
    expect(await digest({ style: 'secure' })).not.toBe(await digest({}));
  });

  it('come by no other way than git over https, ssh or from a folder', () => {
    for (const source of ['ext::sh -c id', '--upload-pack=id', 'http://a/b', 'relative'])
      expect(cwevalModule.options.safeParse({ source }).success).toBe(false);
  });
});
