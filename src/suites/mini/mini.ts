import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { messageOf, SecpiError } from '../../base/errors.js';
import { type Sha256, sha256, sha256Json } from '../../base/hash.js';
import { packageRoot } from '../../base/package-root.js';
import { LANGUAGES } from '../../sandbox/sandbox.js';
import { extractCode } from '../extract-code.js';
import { commandsFor } from '../language-commands.js';
import { type CaseProblem, runCases } from '../run-cases.js';
import type { Problem, Suite } from '../suite.js';
import { type ProblemFile, parseProblemFile } from './problem-file.js';

/** Raise it when extraction, the comparison of results or the filling in of canaries changes: old scores then no longer count. */
const scorerVersion = 1;

/** A mini problem with its reference solutions: one works, the other works and is secure. */
export interface MiniProblem extends Problem {
  readonly title: string;
  readonly file: ProblemFile;
  readonly entry: string;
  readonly secure: string;
  readonly insecure: string;
}

/** The built-in suite; its problems also carry their reference solutions. */
export interface MiniSuite extends Suite {
  readonly problems: readonly MiniProblem[];
}

/** Data, not code: the build does not copy it, so it is read from the package's folder. */
const bundledProblems = join(packageRoot, 'src', 'suites', 'mini', 'problems');

/**
 * What the suite is, from the bytes of its files and without reading what they say: a run that has nothing to do asks for this alone.
 * @throws SecpiError `suites/no-problems`; the file system's error.
 */
export async function digestMini(folder: string = bundledProblems): Promise<Sha256> {
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
export async function loadMini(folder: string = bundledProblems): Promise<MiniSuite> {
  const digest = await digestMini(folder);
  const problems: MiniProblem[] = [];
  for (const name of await problemFolders(folder)) problems.push(await loadProblem(join(folder, name), name));
  const byId = new Map(problems.map((problem) => [problem.id, problem]));
  return {
    name: 'mini',
    digest,
    problems,
    references: problems.flatMap(({ id, prompt, entry, secure, insecure }) =>
      [prompt, entry, secure, insecure].map((text) => ({ problem: id, text })),
    ),
    async score(problem, answer, sandbox, signal) {
      const known = byId.get(problem.id);
      if (known === undefined) throw new SecpiError('suites/unknown-problem', `mini has no problem ${problem.id}`);
      return await runCases(caseProblem(known), extractCode(answer, known.language), sandbox, signal);
    },
  };
}

/** What the case runner needs of a problem. */
function caseProblem(problem: MiniProblem): CaseProblem {
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
    throw new SecpiError('suites/no-problems', `cannot read the problems of mini: ${messageOf(error)}`, {
      hint: 'Is the package installed completely? The problems stand in src/suites/mini/problems.',
    });
  });
  const names: string[] = [];
  for (const entry of found) {
    if (entry.isDirectory() && (await readdir(join(folder, entry.name))).includes('problem.yaml'))
      names.push(entry.name);
  }
  return names.sort();
}

async function loadProblem(folder: string, name: string): Promise<MiniProblem> {
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
