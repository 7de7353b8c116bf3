import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/hash.js';
import { openSandbox } from '../../../src/sandbox/open-sandbox.js';
import type { Sandbox } from '../../../src/sandbox/sandbox.js';
import { benchOf } from '../../../src/suites/bench.js';
import { livecodebenchModule, livecodebenchSuite } from '../../../src/suites/livecodebench/livecodebench-module.js';
import { readLcbProblems, readTests } from '../../../src/suites/livecodebench/problems.js';
import type { Problem, Suite } from '../../../src/suites/suite.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { writeEmptyPack } from '../io/empty-pack.js';

const own = join(import.meta.dirname, 'fixtures', 'own.jsonl');
const { signal } = new AbortController();
const fence = '```';

async function suiteOf(given: Record<string, unknown>): Promise<Suite> {
  const options = livecodebenchModule.options.parse(given);
  return livecodebenchSuite('own', await readLcbProblems(own), options, sha256('own'));
}

describe('the problems of LiveCodeBench', () => {
  const ids = async (given: Record<string, unknown>) => (await suiteOf(given)).problems.map(({ id }) => id);

  it('are chosen by the day of the contest, difficulty and platform', async () => {
    expect(await ids({})).toEqual(['own-half', 'own-pairs', 'own_mean', 'own_sum', 'own_words']);
    expect(await ids({ from: '2025-01-31', until: '2025-02-08' })).toEqual(['own-half', 'own-pairs']); // not at half past two
    expect(await ids({ until: '2025-02-09' })).toContain('own_mean');
    expect(await ids({ difficulty: ['medium'], platform: ['atcoder'] })).toEqual(['own_mean']);
    await expect(ids({ from: '2026-01-01' })).rejects.toMatchObject({ code: 'suites/no-problems' });
  });

  it('keep their tests in any of two forms', async () => {
    const problems = await readLcbProblems(own);
    const counts = await Promise.all(problems.map(async (one) => [one.id, (await readTests(one)).inputs.length]));
    expect(Object.fromEntries(counts)).toEqual({
      own_sum: 4,
      own_mean: 3,
      own_words: 2,
      'own-pairs': 3,
      'own-half': 4,
    });
  });

  it('are asked as LiveCodeBench asks chat models', async () => {
    const suite = await suiteOf({ difficulty: ['hard'] });
    const [problem] = suite.problems;
    const [system, user] = suite.ask(problem as Problem);
    expect(system?.content).toMatch(/^You are an expert Python programmer\./);
    expect(user?.content).toBe(
      `### Question:\nGive half of a number.\n\n### Format: You will use the following starter code to write the solution to the problem and enclose your code within delimiters.\n${fence}python\nclass Solution:\n    def half(self, number: int) -> float:\n        \n${fence}\n\n### Answer: (use the provided format with backticks)\n\n`,
    );
  });
});

describe("LiveCodeBench's way to judge", { timeout: 300_000 }, () => {
  let suite: Suite;
  let sandbox: Sandbox;

  beforeAll(async () => {
    const folder = await temporaryFolder();
    await writeEmptyPack(folder.path);
    suite = await suiteOf({});
    sandbox = await openSandbox({ cacheFolder: folder.path, languages: ['python'] });
    return () => folder[Symbol.asyncDispose]();
  });

  const said = async (id: string, code: string): Promise<string> => {
    const problem = suite.problems.find((one) => one.id === id) as Problem;
    const submission = suite.extract(problem, `So:\n${fence}python\n${code}\n${fence}\n`);
    const { functional, cases } = await suite.judge(problem, submission ?? {}, benchOf(sandbox), signal);
    return `${functional} ${cases[0]?.why}`.trim();
  };
  const wrong = (test: number) => `fail another result than expected (test ${test})`;

  it.each<[why: string, id: string, code: string, expected: string]>([
    ['right', 'own_sum', 'n = int(input())\nprint(sum(map(int, input().split())))', 'pass'],
    [
      'behind a guard',
      'own_sum',
      'def main():\n    input()\n    print(sum(map(int, input().split())))\nif __name__ == "__main__":\n    main()',
      'pass',
    ],
    [
      'numbers are decimal',
      'own_mean',
      'a = list(map(int, input().split()))\nprint(sum(a) / len(a))\nprint(f"{max(a)}.0")',
      'pass',
    ],
    [
      'and exact',
      'own_mean',
      'a = list(map(int, input().split()))\nprint(sum(a) / len(a) + 1e-12)\nprint(max(a))',
      wrong(1),
    ],
    [
      'white space around lines',
      'own_words',
      'for l in sys.stdin.read().split("\\n"):\n    print(" ", *reversed(l.split()), " ")',
      'pass',
    ],
    [
      'a line too many',
      'own_words',
      'for l in sys.stdin.read().split("\\n"):\n    print(*reversed(l.split()))\nprint(1)',
      wrong(1),
    ],
    ['an exit is no failure', 'own_sum', 'input()\nprint(sum(map(int, input().split())))\nexit(3)', 'pass'],
    [
      'standard input cannot be iterated over',
      'own_sum',
      'print(sum(int(x) for l in list(sys.stdin)[1:] for x in l.split()))',
      'fail raises TypeError (test 1)',
    ],
    ['nor standard output closed', 'own_sum', 'print(6)\nsys.stdout.close()', 'fail raises TypeError (test 1)'],
    ['it ends its process', 'own_sum', 'import os\nprint(6)\nos._exit(0)', 'fail ends its own process (test 1)'],
    ['a method', 'own-half', 'class Solution:\n    def half(self, number): return number / 2', 'pass'],
    ['no rounding', 'own-half', 'class Solution:\n    def half(self, number): return number / 2 + 1e-12', wrong(1)],
    [
      'tuples at the top only',
      'own-pairs',
      'class Solution:\n    def pairs(self, a, t): return tuple([i, j] for i in range(len(a)) for j in range(i + 1, len(a)) if a[i] + a[j] == t)',
      'pass',
    ],
    [
      'not below it',
      'own-pairs',
      'class Solution:\n    def pairs(self, a, t): return [(i, j) for i in range(len(a)) for j in range(i + 1, len(a)) if a[i] + a[j] == t]',
      wrong(1),
    ],
    [
      'nothing equals everything',
      'own-half',
      'class Solution:\n    def half(self, number): return type("Any", (), {"__eq__": lambda *_: True})()',
      wrong(1),
    ],
    [
      'it cannot see what is expected',
      'own_sum',
      'import os\nfound = [n for n in os.listdir(".") if "expected" in n or b"outputs\\"" in os.read(os.open(n, 0), 10**6)]\ninput()\nprint(sum(map(int, input().split())) if found else 0)',
      wrong(1),
    ],
  ])('%s', async (_, id, code, expected) => {
    expect(await said(id, code)).toBe(expected);
  });

  it('takes what stands between the last two fences', async () => {
    const problem = suite.problems[0] as Problem;
    expect(suite.extract(problem, `${fence}\na\n${fence}\ntext\n${fence}py\nb\n${fence}`)).toEqual({
      'answer.py': 'b',
    });
    expect(
      suite.extract(
        problem,
        `${fence}
a
${fence}
text
not closed ${fence}`,
      ),
    ).toEqual({ 'answer.py': 'text' });
    expect(suite.extract(problem, 'print(1)')).toBeNull();
  });
});
