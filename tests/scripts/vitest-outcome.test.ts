import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { vitestOutcome } from '../../scripts/vitest-outcome.mjs';
import { packageRoot } from '../../src/base/package-root.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
  await symlink(join(packageRoot, 'node_modules'), join(folder.path, 'node_modules'));
  await folder.write('of-run.ts', ofRun);
  await folder.write('vitest.config.ts', config);
});
afterEach(() => folder[Symbol.asyncDispose]());

/** What goes wrong in Vitest itself, after the last test. */
const ofRun = `export const setup = () => () => { if (process.env.ENDS_WITH) process.exitCode = Number(process.env.ENDS_WITH); };\n`;
const config = `
import { UnhandledErrors } from ${JSON.stringify(join(packageRoot, 'tests', 'support', 'unhandled-errors.ts'))};
const reporters = ['default', ['json', { outputFile: 'report.json' }], new UnhandledErrors('report.unhandled.json')];
export default { test: { isolate: false, globalSetup: 'of-run.ts', reporters } };
`;

/** Runs Vitest itself over one file of tests. */
async function outcomeOf(body: string, variables: Readonly<Record<string, string>> = {}) {
  await folder.write('some.test.ts', `import { expect, it } from 'vitest';\nit('passes', () => {});\n${body}\n`);
  const program = join(packageRoot, 'node_modules', 'vitest', 'vitest.mjs');
  const { PATH = '', HOME = '' } = process.env;
  const options = { cwd: folder.path, env: { PATH, HOME, ...variables }, extendEnv: false, reject: false };
  const { exitCode } = await execa(process.execPath, [program, 'run'], options);
  return vitestOutcome(join(folder.path, 'report'), exitCode);
}

describe('what a run of Vitest left behind', () => {
  it('is what passed', async () => {
    expect(await outcomeOf(`it.skip('later', () => {});`)).toEqual({
      isOfVitest: false,
      counts: { passed: 1, failed: 0, skipped: 1, names: [] },
    });
  });

  it('names what failed', async () => {
    const { isOfVitest, counts } = await outcomeOf(`it('fails', () => expect(1).toBe(2));`);
    expect({ isOfVitest, ...counts }).toMatchObject({ isOfVitest: false, passed: 1, failed: 1 });
    expect(counts.names).toEqual([expect.stringMatching(/some\.test\.ts: fails$/)]);
  });

  it('names a file that does not load', async () => {
    const { isOfVitest, counts } = await outcomeOf(`throw new Error('cannot be');`);
    expect({ isOfVitest, ...counts }).toMatchObject({ isOfVitest: false, passed: 0, failed: 1 });
    expect(counts.names).toEqual([expect.stringMatching(/some\.test\.ts: .*cannot be$/)]);
  });

  it('names what nobody awaited, and does not take it for Vitest', async () => {
    const forgets = `it('forgets', async () => {
      void Promise.reject(new Error('nobody waits'));
      await new Promise((resolve) => setTimeout(resolve, 50));
    });`;
    const { isOfVitest, counts } = await outcomeOf(forgets);
    expect({ isOfVitest, ...counts }).toMatchObject({ isOfVitest: false, passed: 2, failed: 1 });
    expect(counts.names).toEqual([expect.stringMatching(/nobody waits[\s\S]*while some\.test\.ts ran: forgets$/)]);
  });

  it('names a file whose worker died before its end, which the tests may have done', async () => {
    const { isOfVitest, counts } = await outcomeOf(`it('kills', () => process.kill(process.pid, 'SIGKILL'));`);
    expect({ isOfVitest, failed: counts.failed }).toEqual({ isOfVitest: false, failed: 1 });
    expect(counts.names).toEqual(['some.test.ts did not come to its end', expect.stringContaining('[vitest-pool]')]);
  });

  it('is of Vitest where all tests have passed and nothing else says why it ended badly', async () => {
    const { isOfVitest, counts } = await outcomeOf('', { ENDS_WITH: '3' });
    expect({ isOfVitest, ...counts }).toMatchObject({ isOfVitest: true, passed: 1, failed: 1 });
    expect(counts.names).toEqual([expect.stringContaining('exit code 3')]);
  });
});
