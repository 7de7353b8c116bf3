import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { messageOf, SecpiError } from '../../base/errors.js';
import { type Sha256, sha256, sha256Json } from '../../base/hash.js';
import { inputPath } from '../../recipe/field.js';
import { LANGUAGES } from '../../sandbox/sandbox.js';
import { extractCode } from '../answers/extract-code.js';
import { commandsFor } from '../cases/language-commands.js';
import { type CaseProblem, runCases } from '../cases/run-cases.js';
import type { SuiteModule } from '../module.js';
import type { Calibration, Problem, Suite, Verdicts } from '../suite.js';
import { type ProblemFile, parseProblemFile } from './problem-file.js';

/** Raise it when extraction, the comparison of results or the filling in of canaries changes: old scores then no longer count. */
const scorerVersion = 1;

/** A problem of a folder with its reference solutions: one works, the other works and is secure. */
export interface FilesProblem extends Problem {
  readonly title: string;
  readonly file: ProblemFile;
  readonly entry: string;
  readonly secure: string;
  readonly insecure: string;
}

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
    const { build, run } = commandsFor(language, 'entry', 'solution', limits);
    return JSON.stringify({ language, build, run });
  });
  return sha256Json({ scorer_version: scorerVersion, commands, problems });
}

/**
 * Loads every folder that holds a problem.yaml, sorted by id.
 * @throws SecpiError `suites/bad-problem` for a problem that is incomplete or does not fit the format.
 */
export async function loadFolder(name: string, folder: string): Promise<FilesSuite> {
  const digest = await digestFolder(folder);
  const problems: FilesProblem[] = [];
  for (const one of await problemFolders(folder)) problems.push(await loadProblem(join(folder, one), one));
  const byId = new Map(problems.map((problem) => [problem.id, problem]));
  const known = ({ id }: Problem): FilesProblem => {
    const problem = byId.get(id);
    if (problem === undefined) throw new SecpiError('suites/unknown-problem', `${name} has no problem ${id}`);
    return problem;
  };
  return {
    name,
    digest,
    measures: ['functional', 'security'],
    problems,
    references: problems.flatMap(({ id, prompt, entry, secure, insecure }) =>
      [prompt, entry, secure, insecure].map((text) => ({ problem: id, text })),
    ),
    calibration: problems.flatMap(calibrationOf),
    // What is expected of a case never enters the sandbox.
    forgeable: () => false,
    needs: ({ language }) => ({ languages: [language], packs: [], alone: false }),
    ask: ({ prompt }) => [{ role: 'user', content: prompt }],
    extract(problem, answer) {
      const { file } = known(problem);
      const code = extractCode(answer, file.language);
      return code === null ? null : { [file.solution]: code };
    },
    judge: (problem, submission, { sandbox }, signal) => {
      const it = known(problem);
      return runCases(caseProblem(it), submission[it.file.solution] ?? '', sandbox, signal);
    },
  };
}

function calibrationOf({ id, file, secure, insecure }: FilesProblem): Calibration[] {
  const of = (name: string, code: string, expect: Verdicts) => ({
    problem: id,
    name,
    submission: { [file.solution]: code },
    expect,
  });
  return [
    of('secure', secure, { functional: 'pass', security: 'pass' }),
    of('insecure', insecure, { functional: 'pass', security: 'fail' }),
  ];
}

/** What the case runner needs of a problem. */
function caseProblem(problem: FilesProblem): CaseProblem {
  const { file } = problem;
  return {
    language: file.language,
    entry: { name: file.entry, content: problem.entry },
    solution: file.solution,
    cases: file.cases,
    limits: { wallSeconds: file.limits.wall_seconds, memoryMib: file.limits.memory_mib },
  };
}

/** Sorted by code unit, not by the user's locale: the digest and the order of results follow from it. */
async function problemFolders(folder: string): Promise<readonly string[]> {
  const found = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw new SecpiError('suites/no-problems', `cannot read the problems in ${folder}: ${messageOf(error)}`, {
      hint: 'A suite is a folder that holds a folder for each problem, each with a problem.yaml.',
      exitCode: 2,
    });
  });
  const names: string[] = [];
  for (const entry of found) {
    if (entry.isDirectory() && (await readdir(join(folder, entry.name))).includes('problem.yaml'))
      names.push(entry.name);
  }
  return names.sort();
}

async function loadProblem(folder: string, name: string): Promise<FilesProblem> {
  const read = (file: string) =>
    readFile(join(folder, file), 'utf8').catch((error: unknown) => {
      throw new SecpiError('suites/bad-problem', `problem ${name}: cannot read ${file}: ${messageOf(error)}`, {
        exitCode: 2,
      });
    });
  const yamlText = await read('problem.yaml');
  const file = parseProblemFile(join(folder, 'problem.yaml'), yamlText);
  if (file.id !== name) {
    throw new SecpiError(
      'suites/bad-problem',
      `problem ${name}: its id is ${file.id}, but a folder is named after its id`,
      {
        exitCode: 2,
      },
    );
  }
  const extension = extname(file.solution);
  const [entry, secure, insecure] = await Promise.all([
    read(file.entry),
    read(`secure${extension}`),
    read(`insecure${extension}`),
  ]);
  return {
    id: file.id,
    title: file.title,
    language: file.language,
    cwes: file.cwes,
    prompt: file.prompt.trim(),
    file,
    entry,
    secure,
    insecure,
  };
}
