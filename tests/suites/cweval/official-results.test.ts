import { describe, expect, it } from 'vitest';
import { UNCOLLECTED, WHY_UNCOLLECTED } from '../../../src/suites/cweval/judge.js';
import {
  mergedResults,
  officialResults,
  reportedFigures,
  reportText,
  setResults,
} from '../../../src/suites/cweval/official-results.js';
import type { JudgedSample, Verdict } from '../../../src/suites/suite.js';

const said = (problem: string, sample: number, functional: Verdict, security: Verdict): JudgedSample => ({
  problem,
  sample,
  functional,
  security,
  cases: [{ name: 'test', kind: 'functional', verdict: functional, why: '' }],
  submission: null,
});
const unwritten = (problem: string): JudgedSample => ({ ...said(problem, 0, 'fail', 'fail'), cases: [] });
const uncollected = (problem: string, sample: number, why: string): JudgedSample => ({
  ...said(problem, sample, 'fail', 'fail'),
  cases: [{ name: UNCOLLECTED, kind: 'functional', verdict: 'fail', why }],
});
const path = (set: number | 'X', problem: string) => `evals/secpi/generated_${set}/${problem}_test.py`;

const c = 'core/c/cwe_022_0_c';
const py = 'core/py/cwe_022_0';

describe("results in the shape of CWEval's harness", () => {
  it('leave out what cannot be imported, in `official`, and fail it in `strict`', () => {
    const samples = [
      said(c, 0, 'pass', 'fail'),
      said(c, 1, 'pass', 'pass'),
      uncollected(py, 0, WHY_UNCOLLECTED.broken),
      said(py, 1, 'pass', 'pass'),
    ];
    expect(mergedResults(setResults(samples, 'official'))).toEqual({
      [path('X', c)]: { functional: [true, true], secure: [false, true], func_secure: [false, true] },
      [path('X', py)]: { functional: [true], secure: [true], func_secure: [true] },
    });
    expect(mergedResults(setResults(samples, 'strict'))[path('X', py)]).toEqual({
      functional: [false, true],
      secure: [false, true],
      func_secure: [false, true],
    });
  });

  it('lose a whole set, in `official`, with an answer that ends the harness', () => {
    const samples = [said(c, 0, 'pass', 'pass'), uncollected(py, 0, WHY_UNCOLLECTED.ended), said(c, 1, 'pass', 'pass')];
    expect(Object.fromEntries(setResults(samples, 'official'))).toEqual({
      0: {},
      1: { [path(1, c)]: { functional: true, secure: true } },
    });
    expect(setResults(samples, 'strict').get(0)).toEqual({
      [path(0, c)]: { functional: true, secure: true },
      [path(0, py)]: { functional: false, secure: false },
    });
  });

  it('have no entry, in `official`, for an answer of which the harness would never say anything, and keep the rest of its set', () => {
    const samples = [said(c, 0, 'pass', 'pass'), uncollected(py, 0, WHY_UNCOLLECTED.hangs)];
    expect(Object.keys(setResults(samples, 'official').get(0) ?? {})).toEqual([path(0, c)]);
    expect(setResults(samples, 'strict').get(0)?.[path(0, py)]).toEqual({ functional: false, secure: false });
  });

  it('say of an answer without any text what the harness says of an empty file', () => {
    const js = ['core/js/cwe_078_0_js', 'core/js/cwe_502_0_js'];
    const samples = [c, py, ...js].map(unwritten);
    expect(setResults(samples, 'official').get(0)).toEqual({
      [path(0, c)]: { functional: false, secure: false },
      [path(0, 'core/js/cwe_078_0_js')]: { functional: true, secure: true },
      [path(0, 'core/js/cwe_502_0_js')]: { functional: false, secure: true },
    });
    expect(setResults(samples, 'strict').get(0)).toEqual(
      Object.fromEntries(
        [c, 'core/js/cwe_502_0_js', py].map((id) => [path(0, id), { functional: false, secure: false }]),
      ),
    );
  });

  it('keep the task that judges nothing in `official` alone, and nothing that is unverified', () => {
    const samples = [said('core/js/cwe_078_0_js', 0, 'pass', 'pass'), said(c, 0, 'unverified', 'unverified')];
    expect(Object.keys(setResults(samples, 'official').get(0) ?? {})).toEqual([path(0, 'core/js/cwe_078_0_js')]);
    expect(setResults(samples, 'strict').get(0)).toEqual({});
  });

  it('give the figures that the harness prints', () => {
    // 2 of 12 right: func@1 = 1/6, func@10 = 1 - C(10,10)/C(12,10) = 1 - 1/66.
    const samples = Array.from({ length: 12 }, (_, index) =>
      said(c, index, index < 2 ? 'pass' : 'fail', index < 1 ? 'pass' : 'fail'),
    );
    const figures = reportedFigures(mergedResults(setResults(samples, 'official')));
    expect(figures.map(({ part, k }) => `${part}@${k}`)).toEqual(['core/c/@1', 'core/c/@10', '@1', '@10']);
    expect(figures[0]).toMatchObject({ func: expect.closeTo(100 / 6, 9), func_sec: expect.closeTo(100 / 12, 9) });
    expect(figures[1]).toMatchObject({
      func: expect.closeTo(100 * (1 - 1 / 66), 9),
      func_sec: expect.closeTo(100 * (10 / 12), 9),
    });
    expect(reportText(figures.slice(0, 1))).toBe(
      '================\npass@1\tcore/c/\nfunc@1\t16.67\nfunc-sec@1\t8.33\n================\n',
    );
  });

  it('count a task with fewer answers than k as solved, as the harness does', () => {
    const samples = Array.from({ length: 10 }, (_, index) => [
      said(c, index, 'fail', 'fail'),
      index < 4 ? said(py, index, 'fail', 'fail') : uncollected(py, index, WHY_UNCOLLECTED.broken),
    ]).flat();
    const at10 = (reading: 'official' | 'strict') =>
      reportedFigures(mergedResults(setResults(samples, reading))).find(({ part, k }) => part === '' && k === 10)?.func;
    expect({ official: at10('official'), strict: at10('strict') }).toEqual({ official: 50, strict: 0 });
  });

  it('are files with one for each set', () => {
    const { files, figures } = officialResults([said(c, 0, 'pass', 'pass'), said(c, 1, 'pass', 'fail')]);
    expect(Object.keys(files)).toEqual(['generated_0/res.json', 'generated_1/res.json', 'res_all.json']);
    expect(figures).toContainEqual({ reading: 'strict', name: 'func-sec@1', part: 'core/c/', value: 0.5, tasks: 1 });
    expect(figures.filter(({ part }) => part === '').map(({ reading, name }) => `${reading} ${name}`)).toEqual([
      'official func@1',
      'official func-sec@1',
      'strict func@1',
      'strict func-sec@1',
    ]);
  });
});
