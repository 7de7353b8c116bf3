import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, SecpiError } from '../../base/errors.js';
import { ifThere } from '../../base/files/if-there.js';
import { type Sha256, sha256, sha256Json } from '../../base/hash.js';
import { inputPath } from '../../recipe/field.js';
import { LANGUAGES } from '../../sandbox/sandbox.js';
import { wantedNames } from '../answers/defined-names.js';
import { extractCode } from '../answers/extract-code.js';
import { commandsFor } from '../cases/language-commands.js';
import { type CaseProblem, runCases } from '../cases/run-cases.js';
import type { SuiteModule } from '../module.js';
import type { Calibration, Measure, Problem, Suite, Verdict } from '../suite.js';
import { type FilesProblem, loadProblem } from './files-problem.js';
import { parseSuiteFile, type SuiteFile } from './suite-file.js';

/** Raise it when extraction, the comparison of results or the filling in of canaries changes: old scores then no longer count. */
const scorerVersion = 2;

/** A suite made of a folder; its problems also carry their reference solutions. */
export interface FilesSuite extends Suite {
  readonly problems: readonly FilesProblem[];
}

/** A folder of problems that anybody can write: a folder for each, with task, tests and reference solutions. */
export const filesModule: SuiteModule<string> = {
  options: inputPath(),
  digest: (folder) => digestFolder(folder),
  load: (name, folder) => loadFolder(name, folder),
};

/**
 * What the suite is, from the bytes of its files and without reading what they say: a run that has nothing to do asks for this alone.
 * @throws SecpiError `suites/no-problems`; the file system's error.
 */
async function digestFolder(folder: string): Promise<Sha256> {
  const problems = [];
  for (const name of await problemFolders(folder)) {
    const entries = await readdir(join(folder, name), { withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
    const hashes: [string, Sha256][] = [];
    for (const file of files.sort()) hashes.push([file, sha256(await readFile(join(folder, name, file)))]);
    problems.push([name, hashes]);
  }
  const limits = { wallSeconds: 1, memoryMib: 64 };
  const commands = LANGUAGES.map((language) => {
    const { build, run } = commandsFor(language, ['entry', 'solution'], limits);
    return JSON.stringify({ language, build, run });
  });
  const suite = sha256(await suiteText(folder));
  return sha256Json({ scorer_version: scorerVersion, commands, suite, problems });
}

/**
 * Loads every folder that holds a problem.yaml, sorted by id.
 * @throws SecpiError `suites/no-problems`; `suites/bad-problem` for a problem that is incomplete or does not fit the format.
 */
export async function loadFolder(name: string, folder: string): Promise<FilesSuite> {
  const digest = await digestFolder(folder);
  const { measures, extract } = await readSuiteFile(folder);
  const problems: FilesProblem[] = [];
  for (const one of await problemFolders(folder)) problems.push(await loadProblem(join(folder, one), one, measures));
  const byId = new Map(
    problems.map((problem) => [problem.id, { problem, wanted: wantedNames(problem.entry, problem.language) }]),
  );
  const known = ({ id }: Problem) => {
    const found = byId.get(id);
    if (found === undefined) throw new SecpiError('suites/unknown-problem', `${name} has no problem ${id}`);
    return found;
  };
  return {
    name,
    digest,
    measures,
    problems,
    references: problems.flatMap(({ id, prompt, entry, support, secure, insecure, halfFixes }) =>
      [prompt, entry, ...support.map(({ content }) => content), secure, insecure, ...Object.values(halfFixes)].map(
        (text) => ({
          problem: id,
          text,
        }),
      ),
    ),
    calibration: problems.flatMap((problem) => calibrationOf(problem, measures)),
    forgeable: (problem) => known(problem).problem.file.forgeable,
    needs: (problem) => ({ languages: [known(problem).problem.file.language], packs: [], alone: false }),
    ask: ({ prompt }) => [{ role: 'user', content: prompt }],
    extract(problem, answer) {
      const { problem: it, wanted } = known(problem);
      const code = extractCode(answer, it.language, extract, wanted);
      return code === null ? null : { [it.file.solution]: code };
    },
    judge: (problem, submission, { sandbox }, signal) => {
      const { problem: it } = known(problem);
      return runCases(caseProblem(it), submission[it.file.solution] ?? '', sandbox, signal);
    },
  };
}

/** The secure solution passes everything; the others work and no more. */
function calibrationOf(problem: FilesProblem, measures: readonly Measure[]): Calibration[] {
  const { id, file, secure, insecure, halfFixes } = problem;
  const of = (name: string, code: string, security: Verdict) => ({
    problem: id,
    name,
    submission: { [file.solution]: code },
    expect: { functional: 'pass' as const, security },
    everywhere: !Object.hasOwn(halfFixes, name),
  });
  if (!measures.includes('security')) return [of('secure', secure, 'unverified')];
  const unsafe = Object.entries({ insecure, ...halfFixes });
  return [of('secure', secure, 'pass'), ...unsafe.map(([name, code]) => of(name, code, 'fail'))];
}

/** What the case runner needs of a problem. */
function caseProblem({ file, entry, support }: FilesProblem): CaseProblem {
  return {
    language: file.language,
    entry: { name: file.entry, content: entry },
    solution: file.solution,
    support,
    cases: file.cases,
    limits: { wallSeconds: file.limits.wall_seconds, memoryMib: file.limits.memory_mib },
  };
}

const SUITE_FILE = 'suite.yaml';

async function suiteText(folder: string): Promise<string> {
  return (await ifThere(readFile(join(folder, SUITE_FILE), 'utf8'))) ?? '';
}

async function readSuiteFile(folder: string): Promise<SuiteFile> {
  return parseSuiteFile(join(folder, SUITE_FILE), await suiteText(folder));
}

/** Sorted by code unit, not by the user's locale: the digest and the order of results follow from it. */
async function problemFolders(folder: string): Promise<readonly string[]> {
  const hint =
    'A suite is a folder that holds a folder for each problem, each with a problem.yaml; see docs/suites.md.';
  const found = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw new SecpiError('suites/no-problems', `cannot read the problems in ${folder}: ${messageOf(error)}`, {
      hint,
      exitCode: 2,
    });
  });
  const names: string[] = [];
  for (const entry of found) {
    if (entry.isDirectory() && (await readdir(join(folder, entry.name))).includes('problem.yaml'))
      names.push(entry.name);
  }
  if (names.length === 0)
    throw new SecpiError('suites/no-problems', `there is no problem in ${folder}`, { hint, exitCode: 2 });
  return names.sort();
}
