import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../../src/base/package-root.js';
import { jsonLines, runCli, temporaryFolder } from '../../support/run-cli.js';

const example = join(packageRoot, 'recipes', 'own-suite');

/** A copy of the example's Python problem, changed, and what `secpi suites check` says of it. */
async function checked(change: (problem: string) => Promise<unknown>, ...options: readonly string[]) {
  await using folder = await temporaryFolder();
  const suite = join(folder.path, 'suite');
  await cp(join(example, 'suite'), suite, { recursive: true });
  await rm(join(suite, 'js-page-list'), { recursive: true });
  await change(join(suite, 'py-back-link'));
  return await runCli(['suites', 'check', './suite', ...options], { cwd: folder.path });
}

async function edit(path: string, from: string | RegExp, to: string): Promise<void> {
  const text = await readFile(path, 'utf8');
  expect(text).toMatch(from);
  await writeFile(path, text.replace(from, to));
}

describe('secpi suites check', () => {
  it('finds the example of the documentation sound, which its recipe uses', async () => {
    await using folder = await temporaryFolder();
    const valid = await runCli(['validate', join(example, 'recipe.yaml')], { cwd: folder.path });
    expect(valid).toMatchObject({ exitCode: 0, stderr: '' });
    const { exitCode, stdout, stderr } = await runCli(['suites', 'check', join(example, 'suite'), '--json'], {
      cwd: folder.path,
    });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const lines = jsonLines(stdout);
    expect(lines.at(-1)).toMatchObject({
      ...{ type: 'suite', sound: true, measures: ['functional', 'security'] },
      ...{ problems: 2, references: 7, faults: 0, forgeable: 0 },
    });
    const slash = lines.find(({ reference }) => reference === 'half-fix-slash');
    expect(slash).toMatchObject({ problem: 'py-back-link', functional: 'pass', security: 'fail', ok: true });
  });

  it('names the solution and the test that are wrong, in words', async () => {
    const { exitCode, stdout, stderr } = await checked(async (problem) => {
      await edit(join(problem, 'problem.yaml'), /expect: { stdout: "\/cart\?item=3" }/, 'expect: { stdout: "/cart" }');
    });
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' });
    expect(stdout).toContain('secure (wrong), insecure (wrong)');
    expect(stdout).toContain(
      'py-back-link: secure has to pass the functional tests, but: page-of-the-shop (output differs)',
    );
    expect(stdout).toContain('suite is not sound here: 4 of its 4 reference solutions are wrong.');
  });

  it('finds the half-fix that the tests let through, and the secure solution that they do not', async () => {
    const { exitCode, stdout } = await checked(async (problem) => {
      await edit(join(problem, 'problem.yaml'), /( {2}- name: address-without-a-scheme)[\s\S]*/, '');
      await edit(join(problem, 'problem.yaml'), 'https://evil.test/cart', '/cart#top');
    }, '--json');
    expect(exitCode).toBe(1);
    const lines = jsonLines(stdout);
    const of = (name: string) => lines.find(({ reference }) => reference === name);
    expect(of('secure')).toMatchObject({
      ok: false,
      fault: 'has to pass the security tests, but: address-of-another-site (output differs)',
      failed: [{ name: 'address-of-another-site', kind: 'security' }],
    });
    const letThrough = await checked(async (problem) => {
      await edit(join(problem, 'problem.yaml'), /( {2}- name: address-without-a-scheme)[\s\S]*/, '');
    });
    expect(letThrough.exitCode).toBe(1);
    expect(letThrough.stdout).toContain(
      'py-back-link: half-fix-slash has to fail a security test, and passes them all',
    );
  });

  it('takes a suite without security tests', async () => {
    const functional = async (problem: string) => {
      await writeFile(join(problem, '..', 'suite.yaml'), 'measures: [functional]\n');
      for (const name of ['insecure', 'half-fix-host', 'half-fix-slash']) await rm(join(problem, `${name}.py`));
      await edit(join(problem, 'problem.yaml'), /( {2}- name: address-of-another-site)[\s\S]*/, '');
    };
    const { exitCode, stdout } = await checked(functional);
    expect(stdout).toContain(
      'suite is sound here: 1 problem, 1 reference solution, all as they should be; it measures',
    );
    expect(exitCode).toBe(0);
    const broken = await checked(async (problem) => {
      await functional(problem);
      await writeFile(join(problem, 'secure.py'), 'def back_link(target):\n    return "/"\n');
    });
    expect(broken.exitCode).toBe(1);
  });

  it('refuses what is no suite, as bad usage', async () => {
    await using folder = await temporaryFolder();
    const of = async (suite: string) => {
      const { exitCode, stdout } = await runCli(['suites', 'check', suite, '--json'], { cwd: folder.path });
      return { exitCode, ...jsonLines(stdout).at(-1) };
    };
    const misspelt = { exitCode: 2, code: 'suites/unknown-suite', hint: 'Did you mean "mini"?' };
    expect(await of('minni')).toMatchObject(misspelt);
    expect(await of('./minni')).toMatchObject({ exitCode: 2, code: 'suites/no-problems' });
    expect(await of('.')).toMatchObject({ exitCode: 2, code: 'suites/no-problems' });
    const bad = await checked((problem) => edit(join(problem, 'problem.yaml'), 'language: python', 'language: cobol'));
    expect(bad.exitCode).toBe(2);
    expect(bad.stderr).toMatch(/py-back-link\/problem\.yaml:\d+:\d+: language: .*\n.*docs\/suites\.md/);
  });
});

describe('a suite that has to be set up', () => {
  it('is named by whoever sets up one that needs nothing', async () => {
    const { exitCode, stderr } = await runCli(['suites', 'setup', 'mini'], { cwd: packageRoot });
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: expect.stringMatching(/nothing to set up for mini\n.*What has to be set up: .*cweval/),
    });
  });

  it('is said to be missing by those who check it, and is no fault of the recipe', async () => {
    await using folder = await temporaryFolder();
    const check = await runCli(['suites', 'check', 'cweval', '--json'], { cwd: folder.path });
    expect(check.exitCode).toBe(1);
    expect(jsonLines(check.stdout).at(-1)).toMatchObject({
      code: 'suites/not-set-up',
      hint: expect.stringContaining('secpi suites setup cweval'),
    });
    const recipe = join(folder.path, 'recipe.yaml');
    const ours = join(example, 'recipe.yaml');
    await writeFile(recipe, `extends: ${ours}\nevaluate: { suites: { cweval: { samples: 2 } } }\n`);
    const valid = await runCli(['validate', recipe], { cwd: folder.path });
    expect(valid).toMatchObject({ exitCode: 0, stderr: '' });
    expect(valid.stdout).toMatch(/note: CWEval at \w+ is not set up on this machine; .*secpi suites setup cweval/);
  });
});

it('secpi suites list names the suites', async () => {
  const { exitCode, stdout } = await runCli(['suites', 'list', '--json'], { cwd: packageRoot });
  expect(exitCode).toBe(0);
  expect(jsonLines(stdout)).toContainEqual({
    ...{ type: 'suite', suite: 'mini', ready: true },
    about: expect.stringContaining('18'),
  });
});
