import { createHash } from 'node:crypto';
import * as z from 'zod';
import { SecpiError } from '../../base/errors.js';
import { type Sha256, sha256Json } from '../../base/hash.js';
import { packFile } from '../../sandbox/packs.js';
import { makeNumpyPack, NUMPY_PACK } from '../io/numpy-pack.js';
import { pythonProgram } from '../io/python-program.js';
import type { SuiteModule } from '../module.js';
import { fetchPinned, type PinnedFile, pinnedFile, pinnedPath } from '../sources/pinned-file.js';
import type { Problem, Suite } from '../suite.js';
import { ANSWER_FILE, CODE_FILE, EvalPlusJudge } from './judge.js';
import { evalplusResults } from './official-results.js';
import { type EvalPlusProblem, readProblems } from './problems.js';

/** Raise it when anything here changes that decides a verdict and is not in the digest otherwise. */
const judgeVersion = 1;

const optionsSchema = z.strictObject({
  /** Which of EvalPlus's two benchmarks. */
  dataset: z.enum(['humaneval', 'mbpp']),
  /** How the code of an answer is found: `sanitize` as EvalPlus does, `raw` for answers that are nothing but code. */
  extract: z.enum(['sanitize', 'raw']).default('sanitize'),
});
type Options = z.infer<typeof optionsSchema>;
type Dataset = Options['dataset'];

/** The releases that EvalPlus itself takes, and what it calls them in its results (MD5). */
const EVALPLUS_PINS: Readonly<
  Record<Dataset, { readonly suite: string; readonly md5: string; readonly file: PinnedFile }>
> = {
  humaneval: {
    suite: 'humaneval-plus',
    md5: 'fe585eb4df8c88d844eeb463ea4d0302',
    file: {
      name: 'HumanEvalPlus-v0.1.10.jsonl',
      address: 'https://github.com/evalplus/humanevalplus_release/releases/download/v0.1.10/HumanEvalPlus.jsonl.gz',
      sha256: '42526ec0e7d5f3ee0b06d6ced98f8c8bae3d76519151bfb3d36f79010645bd7f',
    },
  },
  mbpp: {
    suite: 'mbpp-plus',
    md5: 'ee43ecabebf20deef4bb776a405ac5b1',
    file: {
      name: 'MbppPlus-v0.2.0.jsonl',
      address: 'https://github.com/evalplus/mbppplus_release/releases/download/v0.2.0/MbppPlus.jsonl.gz',
      sha256: 'b54e762755248ca411b523c917fa9f93c07b5ff2966bf60b3917b853926a3dad',
    },
  },
};

/** EvalPlus's question to a chat model (`codegen.py`, Apache-2.0): the figures of others are about this one. */
const INSTRUCTION =
  'Please provide a self-contained Python script that solves the following problem in a markdown code block:';

/** HumanEval+ and MBPP+ as EvalPlus judges them: https://github.com/evalplus/evalplus (Apache-2.0). */
export const evalplusModule: SuiteModule<Options> = {
  options: optionsSchema,
  packs: [NUMPY_PACK],
  digest: (options) => digestOf(options, EVALPLUS_PINS[options.dataset].file.sha256),
  async load(name, options, files) {
    const { suite, file, md5 } = EVALPLUS_PINS[options.dataset];
    const path = await pinnedFile(suite, file, files);
    return evalplusSuite(name, await readProblems(path), options.extract, {
      md5,
      digest: await digestOf(options, file.sha256),
    });
  },
  setUp: {
    makes: ({ dataset }, files) => [
      pinnedPath(EVALPLUS_PINS[dataset].file, files),
      packFile(files.cacheFolder, NUMPY_PACK),
    ],
    async run({ dataset }, use) {
      await fetchPinned(EVALPLUS_PINS[dataset].file, use);
      await makeNumpyPack(use);
      return [];
    },
  },
};

/** A suite of problems that have EvalPlus's form, wherever they come from. */
export function evalplusSuite(
  name: string,
  rows: readonly EvalPlusProblem[],
  extract: Options['extract'],
  { md5, digest }: { readonly md5: string; readonly digest: Sha256 },
): Suite {
  const byId = new Map(rows.map((row) => [row.id, row]));
  const rowOf = ({ id }: Problem): EvalPlusProblem => {
    const row = byId.get(id);
    if (row === undefined) throw new SecpiError('suites/unknown-problem', `${name} has no problem ${id}`);
    return row;
  };
  const judge = new EvalPlusJudge();
  return {
    name,
    digest,
    measures: ['functional'],
    problems: rows.map(({ id, entryPoint, prompt }) => ({
      id,
      title: entryPoint,
      language: 'python',
      cwes: [],
      prompt: `${INSTRUCTION}\n\`\`\`python\n${prompt.trim()}\n\`\`\``,
    })),
    references: rows.flatMap(({ id, prompt, canonical }) => [prompt, canonical].map((text) => ({ problem: id, text }))),
    calibration: rows.map(({ id, canonical }) => ({
      problem: id,
      name: 'canonical',
      submission: { [CODE_FILE]: canonical },
      expect: { functional: 'pass', security: 'unverified' },
      everywhere: true,
    })),
    // Of the one whose arguments are looked at again after the call: it may change them so that anything is a root.
    forgeable: (problem) => rowOf(problem).id === 'HumanEval/32',
    needs: () => ({ languages: ['python'], packs: [NUMPY_PACK], alone: false }),
    ask: ({ prompt }) => [{ role: 'user', content: prompt }],
    extract: (_, answer) => (answer.trim() === '' ? null : { [extract === 'raw' ? CODE_FILE : ANSWER_FILE]: answer }),
    fromCode: (problem, code, as) => ({ [CODE_FILE]: as === 'solution' ? code : rowOf(problem).prompt + code }),
    judge: (problem, submission, { sandbox }, signal) => judge.judge(rowOf(problem), submission, sandbox, signal),
    official: (samples) => evalplusResults(samples, md5),
  };
}

const PROGRAMS = [
  'io/values.py',
  'io/close.py',
  'io/child.py',
  'io/guard.py',
  'io/outputs.py',
  'evalplus/inputs.py',
  'evalplus/oracles.py',
  'evalplus/reference.py',
  'evalplus/run.py',
  'evalplus/sanitize.py',
  'evalplus/compare.py',
] as const;

async function digestOf({ dataset, extract }: Options, data: string): Promise<Sha256> {
  const hash = createHash('sha256');
  for (const { content } of await pythonProgram(...PROGRAMS)) hash.update(content);
  return sha256Json({ judge_version: judgeVersion, dataset, extract, data, programs: hash.digest('hex') });
}
