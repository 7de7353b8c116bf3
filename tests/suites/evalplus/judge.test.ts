import { beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/base/hash.js';
import { openSandbox } from '../../../src/sandbox/open-sandbox.js';
import type { Sandbox } from '../../../src/sandbox/sandbox.js';
import { benchOf } from '../../../src/suites/bench.js';
import { evalplusSuite } from '../../../src/suites/evalplus/evalplus-module.js';
import { parseProblems } from '../../../src/suites/evalplus/problems.js';
import type { Judgement, Problem, Suite } from '../../../src/suites/suite.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { writeEmptyPack } from '../io/empty-pack.js';

const { signal } = new AbortController();

/** A row as Python writes it: with numbers that JSON does not have, and `1.0` that is not `1`. */
function row(id: string, name: string, body: string, { base, plus, atol = '0' }: Record<string, string>): string {
  const texts = {
    task_id: id,
    entry_point: name,
    prompt: `def ${name}(a, b=None):\n`,
    canonical_solution: `    ${body}\n`,
  };
  return `${JSON.stringify(texts).slice(0, -1)}, "base_input": ${base}, "plus_input": ${plus}, "atol": ${atol}}`;
}

const rows = [
  row('HumanEval/900', 'twice', 'return [2 * x for x in a]', { base: '[[[1, 2]], [[]]]', plus: '[[[3]], [[-1, 0]]]' }),
  row('HumanEval/901', 'mean', 'return sum(a) / len(a) if a else "none"', {
    base: '[[[1.0, 2.0]], [[]]]',
    plus: '[[[1e308]], [[Infinity]]]',
  }),
  row('HumanEval/32', 'find_zero', 'return -a[0] / a[1]', { base: '[[[1, 2]]]', plus: '[[[4, -2]]]', atol: '0.0001' }),
  row('Mbpp/579', 'find_dissimilar', 'return tuple(set(a) ^ set(b))', {
    base: '[[[1, 2], [2, 3]]]',
    plus: '[[[5], [5]]]',
  }),
  row('Mbpp/902', 'check_str', 'import re; return re.match("a", a)', { base: '[["ab"], ["ba"]]', plus: '[["a"]]' }),
  row('HumanEval/903', 'power', 'return 7 ** a if a > 9 else "9" * a * 10000', {
    base: '[[9], [99999]]',
    plus: '[[1]]',
  }),
].join('\n');

describe("EvalPlus's way to judge", { timeout: 300_000 }, () => {
  let suite: Suite;
  let sandbox: Sandbox;

  beforeAll(async () => {
    const folder = await temporaryFolder();
    await writeEmptyPack(folder.path);
    const options = { md5: '0', digest: sha256('own') };
    suite = evalplusSuite('own', parseProblems(rows, 'rows'), 'sanitize', options);
    sandbox = await openSandbox({ cacheFolder: folder.path, languages: ['python'] });
    return () => folder[Symbol.asyncDispose]();
  });

  const problem = (id: string): Problem => {
    const found = suite.problems.find((one) => one.id === id);
    if (found === undefined) throw new Error(`no problem ${id}`);
    return found;
  };
  const judged = async (id: string, code: string): Promise<Judgement> =>
    suite.judge(problem(id), suite.fromCode?.(problem(id), code, 'solution') ?? {}, benchOf(sandbox), signal);
  const said = async (id: string, code: string): Promise<string> =>
    (await judged(id, code)).cases.map(({ name, verdict, why }) => `${name} ${verdict} ${why}`.trim()).join('; ');

  it('finds every canonical solution right', async () => {
    const found = await Promise.all(
      suite.calibration.map(async ({ problem: id, submission }) => [
        id,
        (await suite.judge(problem(id), submission, benchOf(sandbox), signal)).functional,
      ]),
    );
    expect(found).toEqual(suite.problems.map(({ id }) => [id, 'pass']));
  });

  it.each<[why: string, id: string, code: string, expected: string]>([
    [
      'another result',
      'HumanEval/900',
      'def twice(a): return [x + x for x in a if x > 0]',
      'base pass; plus fail another result than expected (call 2)',
    ],
    [
      'a tuple is no list',
      'HumanEval/900',
      'def twice(a): return tuple(2 * x for x in a)',
      'base fail another result than expected (call 1); plus fail another result than expected (call 1)',
    ],
    [
      'equal numbers of another type',
      'HumanEval/900',
      'def twice(a): return [2.0 * x for x in a]',
      'base pass; plus pass',
    ],
    [
      'a float that is near',
      'HumanEval/901',
      'def mean(a): return sum(a) / len(a) * (1 + 1e-8) if a else "none"',
      'base pass; plus pass',
    ],
    [
      'a float that is not',
      'HumanEval/901',
      'def mean(a): return sum(a) / len(a) + 1e-5 if a else "none"',
      'base fail another result than expected (call 1); plus pass',
    ],
    ['any root, near enough', 'HumanEval/32', 'def find_zero(a): return -a[0] / a[1] + 1e-5', 'base pass; plus pass'],
    [
      'arguments as they were left',
      'HumanEval/32',
      'def find_zero(a):\n    a.clear()\n    return 7',
      'base pass; plus pass',
    ],
    [
      'compared as sets',
      'Mbpp/579',
      'def find_dissimilar(a, b): return [x for x in [3, 1, 3] if not (len(a) < 2)]',
      'base pass; plus pass',
    ],
    [
      'tuples where the data has lists',
      'Mbpp/579',
      'def find_dissimilar(a, b): return {a, b} and (set(a) ^ set(b))',
      'base pass; plus pass',
    ],
    [
      'only whether there is something',
      'Mbpp/902',
      'def check_str(a): return a.startswith("a")',
      'base pass; plus pass',
    ],
    [
      'nothing equals everything',
      'HumanEval/900',
      'class Any:\n    def __eq__(self, other): return True\ndef twice(a): return Any()',
      'base fail another result than expected (call 1); plus fail another result than expected (call 1)',
    ],
    [
      'it raises',
      'HumanEval/900',
      'def twice(a): return [2 * x for x in a] or 1 // 0',
      'base fail raises ZeroDivisionError (call 2); plus pass',
    ],
    [
      'its process ends',
      'HumanEval/900',
      'import os\ndef twice(a): os._exit(0)',
      'base fail ends its own process (call 1); plus fail ends its own process (call 1)',
    ],
    [
      'it may not open files',
      'HumanEval/900',
      'def twice(a):\n    open("calls.json")\n    return [2 * x for x in a]',
      'base fail raises TypeError (call 1); plus fail raises TypeError (call 1)',
    ],
    [
      'output means nothing',
      'HumanEval/900',
      'import os\ndef twice(a):\n    print("x")\n    os.write(1, b"\\"done\\"\\n")\n    return [2 * x for x in a]',
      'base pass; plus pass',
    ],
    [
      'it cannot see what is expected',
      'HumanEval/900',
      'import os\ndef twice(a):\n    for name in os.listdir("."):\n        text = os.read(os.open(name, 0), 10**6)\n        if b"expected" in text and not name.endswith("py"): return [2 * x for x in a]\n    return None',
      'base fail another result than expected (call 1); plus fail another result than expected (call 1)',
    ],
    [
      'long texts and numbers',
      'HumanEval/903',
      'def power(a): return 7 ** a if a > 9 else "9" * a * 10000 + ("" if a > 1 else " ")',
      'base pass; plus fail another result than expected (call 1)',
    ],
    [
      'no such function',
      'HumanEval/900',
      'x = 1',
      'base fail raises KeyError (call 1); plus fail raises KeyError (call 1)',
    ],
  ])('%s', async (_, id, code, expected) => {
    expect(await said(id, code)).toBe(expected);
  });

  it('lets an answer say nothing but what its calls returned', async () => {
    // It finds the pipe behind it and writes what would be a verdict.
    const forged = `import os
def twice(a):
    for descriptor in range(3, 20):
        try: os.write(descriptor, b'{"out": [2, 4]}\\n{"out": []}\\n{"out": [1]}\\n"done"\\n')
        except OSError: pass
    os._exit(0)`;
    expect(await said('HumanEval/900', forged)).toContain('base fail');
  });

  it("finds an answer's code as EvalPlus does", async () => {
    const fence = '```';
    const answer = `Like this, which is short:\n${fence}python\ndef helper(x):\n    return 2 * x\n\ndef unused():\n    return 1 / 0\n\ndef twice(a):\n    return [helper(x) for x in a]\n\nprint(twice(1))\n${fence}\nand it works.`;
    const submission = suite.extract(problem('HumanEval/900'), answer);
    if (submission === null) throw new Error('no code');
    expect(await suite.judge(problem('HumanEval/900'), submission, benchOf(sandbox), signal)).toMatchObject({
      functional: 'pass',
    });
    expect(suite.extract(problem('HumanEval/900'), ' \n')).toBeNull();
  });

  it('ends what never ends, once for each part', async () => {
    const { functional, cases, timedOut } = await judged('HumanEval/32', 'def find_zero(a):\n    while True: pass');
    expect({ functional, timedOut }).toEqual({ functional: 'fail', timedOut: true });
    expect(cases.map(({ why }) => why)).toEqual(Array.from({ length: 2 }, () => 'raises TimeoutException (call 1)'));
  });
});

describe("EvalPlus's results", () => {
  it('are written as EvalPlus writes them', () => {
    const options = { md5: 'abc', digest: sha256('own') };
    const suite = evalplusSuite('own', parseProblems(rows, 'rows'), 'raw', options);
    const sample = (number: number, base: string, plus: string) => ({
      problem: 'HumanEval/900',
      sample: number,
      functional: base === '' && plus === '' ? ('pass' as const) : ('fail' as const),
      security: 'unverified' as const,
      submission: { 'answer.py': `# ${number}` },
      cases: Object.entries({ base, plus }).map(([name, why]) => ({
        name,
        kind: 'functional' as const,
        verdict: why === '' ? ('pass' as const) : ('fail' as const),
        why,
      })),
    });
    const results = suite.official?.([sample(1, '', 'never ends (call 1)'), sample(0, '', '')]);
    const entry = (number: number, plus: string) => ({
      task_id: 'HumanEval/900',
      solution: `# ${number}`,
      base_status: 'pass',
      plus_status: plus,
      base_fail_tests: [],
      plus_fail_tests: [],
    });
    expect(results?.files).toEqual({
      'eval_results.json': { hash: 'abc', eval: { 'HumanEval/900': [entry(0, 'pass'), entry(1, 'timeout')] } },
    });
    // With two samples there is no pass@10.
    expect(results?.figures.map(({ name, value }) => [name, value])).toEqual([
      ['pass@1, base tests', 1],
      ['pass@1', 0.5],
    ]);
  });
});
