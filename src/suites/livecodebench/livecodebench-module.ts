import { createHash } from 'node:crypto';
import * as z from 'zod';
import { SecpiError } from '../../base/errors.js';
import { type Sha256, sha256Json } from '../../base/hash.js';
import { packFile } from '../../sandbox/packs.js';
import { makeNumpyPack, NUMPY_PACK } from '../io/numpy-pack.js';
import { pythonProgram } from '../io/python-program.js';
import type { SuiteModule } from '../module.js';
import { fetchPinned, pinnedFile, pinnedPath } from '../sources/pinned-file.js';
import type { Problem, Suite } from '../suite.js';
import { lastFenced } from './answer-code.js';
import { judgeAnswer } from './judge.js';
import { livecodebenchResults } from './official-results.js';
import { filesOf, VERSION_TAG } from './pins.js';
import { DIFFICULTIES, type LcbProblem, PLATFORMS, readLcbProblems, readTests } from './problems.js';

/** Raise it when anything here changes that decides a verdict and is not in the digest otherwise. */
const judgeVersion = 1;

const day = z.string().regex(/^\d{4}-\d{2}-\d{2}$/, 'has to be a date like 2025-01-31');

const optionsSchema = z.strictObject({
  /** Which problems: `release_v5` for those of versions 1 to 5, `v6` for what version 6 added, `v4_v6` for what 4 to 6 did. */
  version_tag: z.string().regex(VERSION_TAG, 'has to be like release_v5, v6 or v4_v6').default('v6'),
  /** Contests of that day and later. */
  from: day.optional(),
  /** Contests up to the beginning of that day, as LiveCodeBench has it. */
  until: day.optional(),
  /** Only problems of these difficulties. */
  difficulty: z.array(z.enum(DIFFICULTIES)).min(1).optional(),
  /** Only problems of these platforms. */
  platform: z.array(z.enum(PLATFORMS)).min(1).optional(),
  /** How the code of an answer is found: `last` as LiveCodeBench does, `raw` for answers that are nothing but code. */
  extract: z.enum(['last', 'raw']).default('last'),
});
export type LcbOptions = z.infer<typeof optionsSchema>;

/** LiveCodeBench's code generation, as it judges it: https://github.com/LiveCodeBench/LiveCodeBench (MIT). */
export const livecodebenchModule: SuiteModule<LcbOptions> = {
  options: optionsSchema,
  packs: [NUMPY_PACK],
  digest: (options) => digestOf(options),
  async load(name, options, files) {
    const problems: LcbProblem[] = [];
    for (const file of filesOf(options.version_tag))
      problems.push(...(await readLcbProblems(await pinnedFile('livecodebench', file, files))));
    return livecodebenchSuite(name, problems, options, await digestOf(options));
  },
  setUp: {
    makes: (options, files) => [
      ...filesOf(options.version_tag).map((file) => pinnedPath(file, files)),
      packFile(files.cacheFolder, NUMPY_PACK),
    ],
    async run(options, use) {
      for (const file of filesOf(options.version_tag)) await fetchPinned(file, use);
      await makeNumpyPack(use);
      return [];
    },
  },
};

/** What LiveCodeBench tells a chat model (`lcb_runner/prompts/code_generation.py`, MIT): the figures of others are about these texts. */
const SYSTEM =
  'You are an expert Python programmer. You will be given a question (problem specification) and will generate a correct Python program that matches the specification and passes all tests.';
const WITH_STARTER =
  'You will use the following starter code to write the solution to the problem and enclose your code within delimiters.';
const WITHOUT_STARTER =
  'Read the inputs from stdin solve the problem and write the answer to stdout (do not directly test on the sample inputs). Enclose your code within delimiters as follows. Ensure that when the python program runs, it reads the inputs, runs the algorithm and writes output to STDOUT.';

/** A suite of problems that have LiveCodeBench's form, wherever they come from. */
export function livecodebenchSuite(
  name: string,
  all: readonly LcbProblem[],
  options: LcbOptions,
  digest: Sha256,
): Suite {
  const rows = all
    .filter((problem) => isWanted(problem, options))
    .toSorted((one, other) => (one.id < other.id ? -1 : 1));
  if (rows.length === 0)
    throw new SecpiError('suites/no-problems', `no problem of LiveCodeBench is what ${name} asks for`, {
      hint: 'Its dates, difficulties and platforms leave none of this version.',
      exitCode: 2,
    });
  const byId = new Map(rows.map((row) => [row.id, row]));
  const rowOf = ({ id }: Problem): LcbProblem => {
    const row = byId.get(id);
    if (row === undefined) throw new SecpiError('suites/unknown-problem', `${name} has no problem ${id}`);
    return row;
  };
  return {
    name,
    digest,
    measures: ['functional'],
    problems: rows.map((row) => ({
      id: row.id,
      title: row.title,
      language: 'python',
      cwes: [],
      groups: [row.difficulty, row.platform],
      prompt: questionOf(row),
    })),
    references: rows.flatMap(({ id, question, starterCode }) =>
      [question, ...(starterCode === '' ? [] : [starterCode])].map((text) => ({ problem: id, text })),
    ),
    // The benchmark comes without solutions.
    calibration: [],
    forgeable: () => false,
    needs: () => ({ languages: ['python'], packs: [NUMPY_PACK], alone: false }),
    ask: ({ prompt }) => [
      { role: 'system', content: SYSTEM },
      { role: 'user', content: prompt },
    ],
    extract(_, answer) {
      const code = options.extract === 'raw' ? answer : lastFenced(answer);
      return code === null || code.trim() === '' ? null : { 'answer.py': code };
    },
    fromCode: (_, code) => ({ 'answer.py': code }),
    async judge(problem, submission, { sandbox }, signal) {
      const row = rowOf(problem);
      return judgeAnswer(row, await readTests(row), submission['answer.py'] ?? '', sandbox, signal);
    },
    official: (samples) => livecodebenchResults(samples, byId),
  };
}

function isWanted({ date, difficulty, platform }: LcbProblem, options: LcbOptions): boolean {
  return (
    (options.from === undefined || date >= `${options.from}T00:00:00`) &&
    (options.until === undefined || date <= `${options.until}T00:00:00`) &&
    (options.difficulty === undefined || options.difficulty.includes(difficulty)) &&
    (options.platform === undefined || options.platform.includes(platform))
  );
}

function questionOf({ question, starterCode }: LcbProblem): string {
  const fence = '```';
  const format =
    starterCode === ''
      ? `### Format: ${WITHOUT_STARTER}\n${fence}python\n# YOUR CODE HERE\n${fence}\n\n`
      : `### Format: ${WITH_STARTER}\n${fence}python\n${starterCode}\n${fence}\n\n`;
  return `### Question:\n${question}\n\n${format}### Answer: (use the provided format with backticks)\n\n`;
}

const PROGRAMS = [
  'io/values.py',
  'io/child.py',
  'io/guard.py',
  'io/outputs.py',
  'livecodebench/run.py',
  'livecodebench/compare.py',
] as const;

async function digestOf(options: LcbOptions): Promise<Sha256> {
  const hash = createHash('sha256');
  for (const { content } of await pythonProgram(...PROGRAMS)) hash.update(content);
  const data = filesOf(options.version_tag).map(({ sha256 }) => sha256);
  return sha256Json({
    judge_version: judgeVersion,
    options: JSON.stringify(options),
    data,
    programs: hash.digest('hex'),
  });
}
