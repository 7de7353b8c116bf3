import { describe, expect, it } from 'vitest';
import { loadSuite, SUITES } from '../../src/suites/registry.js';

describe('loadSuite', () => {
  it('loads every registered suite under its own name', async () => {
    for (const name of Object.keys(SUITES)) expect((await loadSuite(name)).name).toBe(name);
  });

  it('suggests the name that was probably meant', async () => {
    await expect(loadSuite('Minni')).rejects.toMatchObject({
      code: 'suites/unknown-suite',
      hint: 'Did you mean "mini"?',
      exitCode: 2,
    });
    await expect(loadSuite('humaneval')).rejects.toMatchObject({
      hint: expect.stringContaining('The suites are: mini'),
    });
    await expect(loadSuite('constructor')).rejects.toMatchObject({ code: 'suites/unknown-suite' });
  });
});
