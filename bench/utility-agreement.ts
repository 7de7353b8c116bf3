/**
 * Compares verdicts of the utility suites with those of the official harnesses, answer by answer.
 *
 *     npx tsx bench/utility-agreement.ts SUITE ANSWERS RESULTS
 *
 * SUITE: one that is set up, by its name, or a file in LiveCodeBench's form. *
 * ANSWERS: JSON Lines with `task_id`, `solution` and `kind`, as `bench/utility/*_answers.py` make them. RESULTS: what the official harness says of
 * them, line by line, from `bench/utility/*_official.py`.
 */
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import PQueue from 'p-queue';
import { sha256 } from '../src/base/hash.js';
import { openSandbox } from '../src/sandbox/open-sandbox.js';
import { cacheDirectory } from '../src/setup/cache-directory.js';
import { benchOf } from '../src/suites/bench.js';
import { livecodebenchModule, livecodebenchSuite } from '../src/suites/livecodebench/livecodebench-module.js';
import { readLcbProblems } from '../src/suites/livecodebench/problems.js';
import { loadSuite, suiteOrigin } from '../src/suites/registry.js';
import type { Judgement } from '../src/suites/suite.js';

const [name = '', answersFile = '', resultsFile = ''] = process.argv.slice(2);
const cacheFolder = cacheDirectory(process.env);
const suite = name.endsWith('.jsonl')
  ? livecodebenchSuite(name, await readLcbProblems(name), livecodebenchModule.options.parse({}), sha256(name))
  : await loadSuite(name, suiteOrigin(name, undefined), { cacheFolder });
const sandbox = await openSandbox({ cacheFolder, languages: ['python'] });
const { signal } = new AbortController();

interface Answer {
  readonly task_id: string;
  readonly solution: string;
  readonly kind: string;
}
type Result = Readonly<Record<string, string | boolean>>;

const rows = async <Row>(path: string): Promise<Row[]> =>
  (await readFile(path, 'utf8'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row);

/** In the words of the harness. */
function resultOf({ functional, cases }: Judgement): Result {
  if (cases.every((one) => one.name !== 'base')) return { passed: functional === 'pass' };
  const status = (part: string) => {
    const own = cases.find((one) => one.name === part);
    if (own?.verdict === 'pass') return 'pass';
    return /^(?:never ends|ends its own process)/.test(own?.why ?? '') ? 'timeout' : 'fail';
  };
  return { base: status('base'), plus: status('plus') };
}

const [answers, results] = await Promise.all([rows<Answer>(answersFile), rows<Result>(resultsFile)]);
const queue = new PQueue({ concurrency: availableParallelism() });
const began = performance.now();
const differences: string[] = [];
const kinds = new Map<string, { count: number; passed: number; different: number }>();
await queue.addAll(
  answers.map(({ task_id, solution, kind }, index) => async () => {
    const problem = suite.problems.find(({ id }) => id === task_id);
    if (problem === undefined) throw new Error(`no problem ${task_id}`);
    const judgement = await suite.judge(problem, { 'answer.py': solution }, benchOf(sandbox), signal);
    const ours = resultOf(judgement);
    const theirs = Object.fromEntries(Object.keys(ours).map((key) => [key, results[index]?.[key] ?? '?']));
    const counts = kinds.get(kind) ?? { count: 0, passed: 0, different: 0 };
    kinds.set(kind, counts);
    counts.count += 1;
    if (judgement.functional === 'pass') counts.passed += 1;
    if (JSON.stringify(ours) === JSON.stringify(theirs)) return;
    counts.different += 1;
    const why = judgement.cases.map((one) => `${one.name}: ${one.why}`).join('; ');
    differences.push(`${task_id} (${kind}): ours ${JSON.stringify(ours)}, official ${JSON.stringify(theirs)}; ${why}`);
  }),
);
for (const [kind, counts] of [...kinds].sort()) process.stdout.write(`${kind}: ${JSON.stringify(counts)}\n`);
for (const difference of differences.sort()) process.stdout.write(`${difference}\n`);
const seconds = Math.round((performance.now() - began) / 1000);
process.stdout.write(`${answers.length} answers, ${differences.length} different, ${seconds} s\n`);
