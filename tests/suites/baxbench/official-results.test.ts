import { describe, expect, it } from 'vitest';
import { judgementOf, WHY } from '../../../src/suites/baxbench/judge.js';
import { figuresOf, officialResults, testResults } from '../../../src/suites/baxbench/official-results.js';
import { chosenTasks, type Task } from '../../../src/suites/baxbench/tasks.js';
import type { JudgedSample } from '../../../src/suites/suite.js';

const task: Task = {
  scenario: 'Greeter',
  env: 'C-net/one',
  language: 'C',
  code_file: 'app.txt',
  prompts: { none: '', generic: '', specific: '' },
  functional_tests: ['func_a', 'func_b'],
  security_tests: ['sec_a', 'sec_b'],
  cwes: [79, 400, 703],
  alone: false,
  base: 'base',
  from: [],
};
const cwes = [703, 79, 400].map((num) => ({ num, desc: `about ${num}` }));

type Outcomes = Parameters<typeof judgementOf>[1];
const well = (name: string, more: object) => ({ name, ended: 'well', ...more }) as Outcomes[number];
const works = [well('func_a', { passed: true }), well('func_b', { passed: true })];
const said = (outcomes: Outcomes, sample = 0): JudgedSample => ({
  problem: 'Greeter/C-net/one',
  sample,
  submission: null,
  ...judgementOf(task, outcomes),
});
const results = (outcomes: Outcomes) => testResults(task, said(outcomes), cwes);

describe("results in the shape of BaxBench's harness", () => {
  it('count passes, exceptions and weaknesses as it does', () => {
    expect(results([...works, well('sec_a', { cwes: [79] }), well('sec_b', { cwes: [400], crashed: true })])).toEqual({
      num_passed_ft: 2,
      num_total_ft: 2,
      num_ft_exceptions: 0,
      num_total_st: 2,
      num_st_exceptions: 0,
      cwes: [cwes[1], cwes[2]],
    });
    // A crash is a weakness of its own, but for one that is out of memory; in a functional test it counts as a security test more.
    const dying = [well('func_a', { passed: true, crashed: true }), well('func_b', { passed: false })];
    const ended = [{ name: 'sec_a', ended: 'raised' } as const, well('sec_b', { crashed: true })];
    expect(results([...dying, ...ended])).toEqual({
      num_passed_ft: 1,
      num_total_ft: 2,
      num_ft_exceptions: 0,
      num_total_st: 3,
      num_st_exceptions: 1,
      cwes: [cwes[0]],
    });
  });

  it('take what was not built, and an answer without code, for exceptions alone', () => {
    const failed = {
      num_passed_ft: 0,
      num_total_ft: 2,
      num_ft_exceptions: 2,
      num_total_st: 2,
      num_st_exceptions: 2,
      cwes: [],
    };
    expect(results([])).toEqual(failed);
    const empty = {
      ...{ problem: 'Greeter/C-net/one', sample: 0, submission: null },
      ...({ functional: 'fail', security: 'fail', cases: [] } as const),
    } as const;
    expect(testResults(task, { ...empty, answered: 'no_code' }, cwes)).toEqual(failed);
    expect(testResults(task, { ...empty, answered: 'no_answer' }, cwes)).toBeNull();
    expect(testResults(task, { ...empty, answered: 'refused' }, cwes)).toBeNull();
  });

  it('miss what the harness waits for without end, in `official`, and fail it in `strict`', () => {
    const secure = [...works, well('sec_a', { cwes: [] }), well('sec_b', { cwes: [] })];
    const samples = [
      said(secure),
      said([{ name: 'func_a', ended: 'hangs' }], 1),
      // Nothing was found by a test that could not be completed.
      said([...works, { name: 'sec_a', ended: 'timed out' }, well('sec_b', { cwes: [] })], 2),
    ];
    const { files, figures } = officialResults(samples, [task], { cwes, safetyPrompt: 'generic' });
    expect(Object.keys(files)).toEqual([
      'results/secpi/Greeter/C-net-one/temp0.2-openapi-generic/sample0/test_results.json',
      'results/secpi/Greeter/C-net-one/temp0.2-openapi-generic/sample2/test_results.json',
    ]);
    const figuresIn = (wanted: string) =>
      figures.flatMap(({ reading, name, part, value, tasks }) =>
        reading === wanted && part === '' ? [[name, Math.round(value * 1e6), tasks]] : [],
      );
    // No task has five samples.
    expect(figuresIn('official')).toEqual([
      ['pass@1', 1_000_000, 1],
      ['sec_pass@1', 1_000_000, 1],
      ['insec', 0, 1],
    ]);
    expect(figuresIn('strict')).toEqual([
      ['pass@1', 333_333, 1],
      ['sec_pass@1', 333_333, 1],
      ['insec', 0, 1],
    ]);
    expect(figures.filter(({ part }) => part === 'C-net/one')).toHaveLength(6);
  });

  it('estimate pass@k as it does', () => {
    const [right, wrong] = [1, 0].map((num_passed_ft) => ({ num_passed_ft, num_total_ft: 1, cwes: [] }));
    const bad = { num_passed_ft: 1, num_total_ft: 1, cwes: [{ num: 79, desc: '' }] };
    const of = [right, wrong, wrong, bad, wrong, wrong].filter((one) => one !== undefined);
    // C(4, 5) of C(6, 5) choices hold none of the two that work; C(5, 5) hold none of the one that is secure too.
    expect(figuresOf(of)).toEqual({
      n_samples: 6,
      pass_at_k: { 1: expect.closeTo(1 / 3, 12), 5: 1 },
      secure_pass_at_k: { 1: expect.closeTo(1 / 6, 12), 5: expect.closeTo(5 / 6, 12) },
      insec_pass: 0.5,
    });
    expect(figuresOf([]).insec_pass).toBeNull();
  });

  it('know what a case that was not passed lacks', () => {
    expect(said([]).cases.map(({ why }) => why)).toEqual(Array(4).fill(WHY.raised));
  });
});

describe('a choice of tasks', () => {
  it('refuses a name that is none, with the nearest', () => {
    expect(chosenTasks([task], {})).toEqual([task]);
    expect(chosenTasks([task], { scenarios: ['Greeter'], frameworks: ['C-net/one'] })).toEqual([task]);
    expect(() => chosenTasks([task], { scenarios: ['Greter'] })).toThrowError(
      expect.objectContaining({ code: 'suites/baxbench-unknown', hint: 'Did you mean "Greeter"?' }),
    );
    expect(() => chosenTasks([task], { frameworks: ['Cobol'] })).toThrowError(
      expect.objectContaining({ hint: 'There are: C-net/one.' }),
    );
  });
});
