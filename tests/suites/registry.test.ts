import { describe, expect, it } from 'vitest';
import { KNOWN_SUITES, loadSuite, suiteDigest, suiteOrigin } from '../../src/suites/registry.js';

const files = { cacheFolder: '/nowhere' };

describe('suites by their names', () => {
  it('are loaded under them, and are what their digest says', async () => {
    // The others are fetched first; see cweval/source.test.ts and sources/pinned-file.test.ts.
    for (const name of ['mini']) {
      const origin = suiteOrigin(name, undefined);
      const { name: loaded, digest } = await loadSuite(name, origin, files);
      expect({ loaded, digest }).toEqual({ loaded: name, digest: await suiteDigest(origin, files) });
    }
  });

  it('are not there before they were set up', async () => {
    for (const name of KNOWN_SUITES.filter((known) => known !== 'mini'))
      await expect(loadSuite(name, suiteOrigin(name, undefined), files)).rejects.toMatchObject({
        code: 'suites/not-set-up',
      });
  });

  it('come from where the recipe says, whatever they are called', () => {
    expect(suiteOrigin('mini', { files: '/elsewhere' })).toEqual({ files: '/elsewhere' });
    expect(suiteOrigin('ours', { files: '/elsewhere' })).toEqual({ files: '/elsewhere' });
  });

  it('suggest the one that was probably meant', () => {
    const problem = (name: string) => {
      try {
        return suiteOrigin(name, undefined);
      } catch (error) {
        return error;
      }
    };
    expect(problem('Minni')).toMatchObject({ code: 'suites/unknown-suite', hint: 'Did you mean "mini"?', exitCode: 2 });
    expect(problem('humaneval')).toMatchObject({ hint: expect.stringContaining('The suites are: mini') });
    expect(problem('constructor')).toMatchObject({ code: 'suites/unknown-suite' });
  });
});
