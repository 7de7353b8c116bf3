import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { packageRoot } from '../../../src/base/package-root.js';
import { openSandbox } from '../../../src/sandbox/open-sandbox.js';
import { LANGUAGES, type Sandbox } from '../../../src/sandbox/sandbox.js';
import { failureOf, withCanary } from '../../../src/suites/cases/run-cases.js';
import type { FilesProblem } from '../../../src/suites/files/files-problem.js';
import { judged, loadMini } from '../../support/mini.js';

const mini = await loadMini();
const { signal } = new AbortController();

/** How a model answers: prose and a fenced block. */
const answerWith = (code: string) => `Here it is.\n\n\`\`\`\n${code}\`\`\`\n\nTell me if you need more.`;

describe('the problems of mini', () => {
  it('are at least 15 in all five languages, over at least 10 CWEs', () => {
    expect(mini.problems.length).toBeGreaterThanOrEqual(15);
    expect(new Set(mini.problems.map(({ language }) => language))).toEqual(new Set(LANGUAGES));
    expect(new Set(mini.problems.flatMap(({ cwes }) => cwes)).size).toBeGreaterThanOrEqual(10);
  });

  it('ask for code without a word on security', () => {
    for (const { id, prompt } of mini.problems) {
      expect(prompt, id).not.toMatch(
        /secur|vulnerab|\bsafe|CWE|attack|malicious|sanitiz|saniti[sz]e|inject|untrusted|exploit/i,
      );
    }
  });

  it.each(mini.problems)('$id cannot be passed by printing one fixed text', (problem) => {
    for (const stdout of fixedTexts(problem)) {
      const failures = problem.file.cases.map((test) =>
        failureOf(withCanary(test, 'theword'), { ending: { how: 'exited', exitCode: 0 }, stdout, collected: {} }),
      );
      expect(failures.some((why) => why !== null)).toBe(true);
    }
  });
});

/** What a cheat could print: nothing, the expected text of any case, or everything that any case looks for. */
function fixedTexts(problem: FilesProblem): string[] {
  const expectations = problem.file.cases.map((test) => withCanary(test, 'guessed').expect);
  return [
    '',
    ...expectations.flatMap(({ stdout }) => (stdout === undefined ? [] : [stdout])),
    expectations.flatMap(({ stdout, stdout_contains }) => [stdout ?? '', ...stdout_contains]).join('\n'),
  ];
}

describe('the reference solutions of mini, run in the sandbox', () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await openSandbox();
  }, 120_000);

  // Go builds its standard library anew in every sandbox that has no cache of it.
  it.each(mini.problems)(
    '$id: secure passes everything, all others work and are caught',
    { timeout: 300_000 },
    async (problem) => {
      for (const { name, submission, expect: expected } of mini.calibration.filter(
        (one) => one.problem === problem.id,
      )) {
        const code = submission[problem.file.solution] ?? '';
        const judgement = await judged(mini, problem, answerWith(code), sandbox, signal);
        const failed = judgement?.cases.filter(({ verdict }) => verdict !== 'pass') ?? [];
        expect(
          failed.filter(({ kind }) => kind === 'functional' || name === 'secure'),
          name,
        ).toEqual([]);
        expect(judgement, name).toMatchObject(expected);
      }
    },
  );

  it('says which verdicts can be forged, as this answer does', { timeout: 60_000 }, async () => {
    const marked = mini.problems.filter((problem) => mini.forgeable(problem));
    expect(marked.map(({ id }) => id)).toEqual([
      ...['c-copy-name', 'cpp-read-name', 'go-read-message', 'js-merge-settings', 'js-reset-token', 'py-hash-password'],
    ]);
    const merge = marked.find(({ id }) => id === 'js-merge-settings') as FilesProblem;
    const forged = `${merge.insecure}\nconst { log } = console;\nconsole.log = (text) => log(text.replace(/[a-z]{12}/g, 'none'));\n`;
    expect(await judged(mini, merge, answerWith(forged), sandbox, signal)).toMatchObject({ security: 'pass' });
    // It takes a lie: to say nothing is no pass.
    const silent = `${merge.secure}\nif (process.argv[2] === 'roles') process.exit();\n`;
    expect(await judged(mini, merge, answerWith(silent), sandbox, signal)).toMatchObject({ security: 'fail' });
  });

  it('finds nothing to judge in an answer without code', () => {
    const [problem] = mini.problems;
    if (problem === undefined) throw new Error('mini is empty');
    for (const answer of ['', 'I cannot help with that.']) expect(mini.extract(problem, answer)).toBeNull();
  });
});

describe('loadMini', () => {
  const bundled = join(packageRoot, 'src/suites/mini/problems');
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'secpi-mini-'));
    cpSync(bundled, folder, { recursive: true });
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const problem = mini.problems[0] as FilesProblem;
  const inFolder = (name: string) => join(folder, problem.id, name);
  const append = (name: string, text: string) =>
    writeFileSync(inFolder(name), readFileSync(inFolder(name), 'utf8') + text);

  it('sorts by id and gives the same digest for a copy elsewhere', async () => {
    const ids = mini.problems.map(({ id }) => id);
    expect(ids).toEqual([...ids].sort());
    expect((await loadMini(folder)).digest).toBe(mini.digest);
  });

  it.each(['problem.yaml', problem.file.entry, problem.file.solution.replace('solution', 'secure')])(
    'has another digest when %s changes',
    async (name) => {
      append(name, '\n');
      expect((await loadMini(folder)).digest).not.toBe(mini.digest);
    },
  );

  it('has another digest without one of its problems, and skips a folder that holds none', async () => {
    rmSync(inFolder('problem.yaml'));
    const fewer = await loadMini(folder);
    expect(fewer.problems).toHaveLength(mini.problems.length - 1);
    expect(fewer.digest).not.toBe(mini.digest);
  });

  it('has another digest with another suite.yaml, which says how answers are read', async () => {
    writeFileSync(join(folder, 'suite.yaml'), 'extract: last\n');
    const last = await loadMini(folder);
    expect(last.digest).not.toBe(mini.digest);
    const it = mini.problems.find(({ id }) => id === 'py-find-users') as FilesProblem;
    const answer = `\`\`\`python\n${it.secure}\`\`\`\nUse it so:\n\`\`\`python\nfind_users(conn, "ann")\n\`\`\``;
    expect(mini.extract(it, answer)).toEqual({ 'solution.py': it.secure });
    expect(last.extract(it, answer)).toEqual({ 'solution.py': 'find_users(conn, "ann")\n' });
    writeFileSync(join(folder, 'suite.yaml'), 'measures: [security]\nextract: best\n');
    await expect(loadMini(folder)).rejects.toMatchObject({
      code: 'suites/bad-problem',
      message: expect.stringMatching(/suite\.yaml:1:11: measures: has to name functional; extract: /),
    });
  });

  it('finds the solution in an answer whatever block it stands in, of every problem', () => {
    for (const it of mini.problems) {
      const answer = `Before.\n\n\`\`\`${it.language}\n${it.secure}\`\`\`\n\n\`\`\`${it.language}\n// an example\n\`\`\``;
      expect(mini.extract(it, answer), it.id).toEqual({ [it.file.solution]: it.secure });
      expect(mini.extract(it, it.secure), it.id).toEqual({ [it.file.solution]: it.secure });
    }
  });

  it('refuses code that nothing uses, and a folder without problems', async () => {
    const path = inFolder(problem.file.solution.replace('solution', 'halffix'));
    writeFileSync(path, '');
    await expect(loadMini(folder)).rejects.toMatchObject({ message: expect.stringContaining('nothing uses halffix.') });
    rmSync(path);
    rmSync(inFolder(problem.file.solution.replace('solution', 'insecure')));
    await expect(loadMini(folder)).rejects.toMatchObject({ message: expect.stringContaining('cannot read insecure.') });
    rmSync(folder, { recursive: true });
    mkdirSync(folder);
    await expect(loadMini(folder)).rejects.toMatchObject({ code: 'suites/no-problems' });
  });

  it('names every text that must not be trained on', () => {
    for (const { id, prompt, secure, insecure, halfFixes } of mini.problems) {
      const texts = mini.references.filter((reference) => reference.problem === id).map(({ text }) => text);
      expect(texts).toEqual(expect.arrayContaining([prompt, secure, insecure, ...Object.values(halfFixes)]));
    }
  });

  it('complains about a problem that lacks a file or bears another name', async () => {
    rmSync(inFolder(problem.file.entry));
    await expect(loadMini(folder)).rejects.toMatchObject({
      code: 'suites/bad-problem',
      message: expect.stringContaining(`${problem.id}: cannot read ${problem.file.entry}`),
    });
    rmSync(join(folder, problem.id), { recursive: true });
    mkdirSync(join(folder, 'another'));
    cpSync(join(bundled, problem.id), join(folder, 'another'), { recursive: true });
    await expect(loadMini(folder)).rejects.toMatchObject({
      message: expect.stringContaining(`its id is ${problem.id}`),
    });
    await expect(loadMini(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'suites/no-problems' });
  });

  it('speaks of its own problems only', () => {
    const foreign = { id: 'foreign', language: 'python', cwes: [], prompt: '' } as const;
    expect(() => mini.extract(foreign, '')).toThrow(expect.objectContaining({ code: 'suites/unknown-problem' }));
  });
});
