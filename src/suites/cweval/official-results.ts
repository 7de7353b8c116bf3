import type { Json } from '../../base/json.js';
import type { CaseResult, JudgedSample, OfficialFigure, OfficialResults, Verdict } from '../suite.js';
import { UNCOLLECTED, WHY_UNCOLLECTED } from './judge.js';

/** `res.json` of one sample set, by the path of a test file. */
export type SetResults = Readonly<Record<string, { readonly functional: boolean; readonly secure: boolean }>>;

/** `res_all.json`: the verdicts of all sample sets, by the path of a test file with `generated_X` in it. */
export type AllResults = Readonly<
  Record<
    string,
    {
      readonly functional: readonly boolean[];
      readonly secure: readonly boolean[];
      readonly func_secure: readonly boolean[];
    }
  >
>;

/** `official`: as upstream's harness has it, traps included. `strict`: what cannot be collected fails, and a task that judges nothing is left out. */
export type Reading = 'official' | 'strict';

/** Its tests call a function of their own, and so everybody passes. */
const JUDGES_NOTHING = 'core/js/cwe_078_0_js';

/** What upstream makes of an answer without any text: an empty file. Its own verdicts, where they are not that both tests fail. */
const OF_NOTHING: Readonly<Record<string, { readonly functional: boolean; readonly secure: boolean }>> = {
  [JUDGES_NOTHING]: { functional: true, secure: true },
  'core/js/cwe_502_0_js': { functional: false, secure: true },
};

const isUncollected = ({ cases }: JudgedSample, why: string): boolean =>
  cases.some((one: CaseResult) => one.name === UNCOLLECTED && one.why === why);

/**
 * The sample sets as upstream would have judged them. `official`: a Python answer that cannot be imported has no entry; one that ends the harness
 * while it is imported empties its whole set; of one that never ends upstream says nothing ever, and it has no entry either. An answer whose verdict
 * is not known has none in both. Of an answer without any text upstream judges the empty file, which in Python has no entry either.
 */
export function setResults(samples: readonly JudgedSample[], reading: Reading): ReadonlyMap<number, SetResults> {
  const sets = new Map<number, Record<string, { functional: boolean; secure: boolean }>>();
  const ended = new Set<number>();
  for (const sample of [...samples].sort((a, b) => (a.problem < b.problem ? -1 : 1))) {
    const set = sets.get(sample.sample) ?? {};
    sets.set(sample.sample, set);
    if (reading === 'official') {
      if (isUncollected(sample, WHY_UNCOLLECTED.ended)) ended.add(sample.sample);
      if (sample.cases.some(({ name }) => name === UNCOLLECTED)) continue;
      if (isUnwritten(sample) && sample.problem.includes('/py/')) continue;
    } else if (sample.problem === JUDGES_NOTHING) continue;
    if (sample.functional === 'unverified' || sample.security === 'unverified') continue;
    const verdicts = { functional: passed(sample.functional), secure: passed(sample.security) };
    set[`evals/secpi/generated_${sample.sample}/${sample.problem}_test.py`] =
      reading === 'official' && isUnwritten(sample) ? (OF_NOTHING[sample.problem] ?? verdicts) : verdicts;
  }
  for (const one of ended) sets.set(one, {});
  return new Map([...sets].sort(([a], [b]) => a - b));
}

/** Nothing of it was run. */
function isUnwritten({ functional, cases }: JudgedSample): boolean {
  return functional === 'fail' && cases.length === 0;
}

/** All sets in one, in their order. */
export function mergedResults(sets: ReadonlyMap<number, SetResults>): AllResults {
  const all: Record<string, { functional: boolean[]; secure: boolean[]; func_secure: boolean[] }> = {};
  for (const [index, set] of sets) {
    for (const [path, { functional, secure }] of Object.entries(set)) {
      const key = path.replace(`generated_${index}/`, 'generated_X/');
      const entry = all[key] ?? { functional: [], secure: [], func_secure: [] };
      all[key] = entry;
      entry.functional.push(functional);
      entry.secure.push(secure);
      entry.func_secure.push(functional && secure);
    }
  }
  return all;
}

/** One line of upstream's report. */
export interface ReportedFigure {
  /** `core/c/`, ..., `lang/c`; empty for all tasks. */
  readonly part: string;
  readonly k: number;
  /** In percent. */
  readonly func: number;
  readonly func_sec: number;
  readonly tasks: number;
}

const PARTS = ['core/c/', 'core/cpp/', 'core/go/', 'core/py/', 'core/js/', 'lang/c', ''] as const;
const KS = [1, 10, 50] as const;

/**
 * func@k and func-sec@k as upstream prints them: for each part, the unbiased estimate of each task, averaged. A k beyond the number of answers to
 * the first task is left out; a task with fewer answers than others counts as solved where fewer than k failed, as upstream has it.
 */
export function reportedFigures(all: AllResults): readonly ReportedFigure[] {
  const answers = Object.values(all)[0]?.functional.length ?? 0;
  return PARTS.flatMap((part) => {
    const tasks = Object.entries(all).flatMap(([path, result]) => (path.includes(part) ? [result] : []));
    if (tasks.length === 0) return [];
    const mean = (of: (task: AllResults[string]) => readonly boolean[], k: number) =>
      (100 * tasks.reduce((sum, task) => sum + passAtK(of(task), k), 0)) / tasks.length;
    return KS.filter((k) => k <= answers).map((k) => ({
      part,
      k,
      func: mean((task) => task.functional, k),
      func_sec: mean((task) => task.func_secure, k),
      tasks: tasks.length,
    }));
  });
}

/** What upstream prints of them. */
export function reportText(figures: readonly ReportedFigure[]): string {
  const rule = '='.repeat(16);
  return figures
    .flatMap(({ part, k, func, func_sec }) => [
      rule,
      `pass@${k}\t${part || 'all'}`,
      `func@${k}\t${func.toFixed(2)}`,
      `func-sec@${k}\t${func_sec.toFixed(2)}`,
      rule,
      '',
    ])
    .join('\n')
    .replaceAll('\n\n', '\n');
}

/** What upstream's harness leaves of a run and prints, with both readings of its figures. */
export function officialResults(samples: readonly JudgedSample[]): OfficialResults {
  const sets = setResults(samples, 'official');
  const all = mergedResults(sets);
  const strict = mergedResults(setResults(samples, 'strict'));
  return {
    files: {
      ...Object.fromEntries([...sets].map(([index, set]) => [`generated_${index}/res.json`, set as Json])),
      'res_all.json': all as unknown as Json,
    },
    figures: [...figuresIn('official', all), ...figuresIn('strict', strict)],
  };
}

function figuresIn(reading: Reading, all: AllResults): readonly OfficialFigure[] {
  return reportedFigures(all).flatMap(({ part, k, func, func_sec, tasks }) => [
    { reading, name: `func@${k}`, part, value: func / 100, tasks },
    { reading, name: `func-sec@${k}`, part, value: func_sec / 100, tasks },
  ]);
}

function passed(verdict: Verdict): boolean {
  return verdict === 'pass';
}

function passAtK(passes: readonly boolean[], k: number): number {
  const n = passes.length;
  const wrong = passes.filter((pass) => !pass).length;
  if (wrong < k) return 1;
  let none = 1;
  for (let i = wrong + 1; i <= n; i += 1) none *= 1 - k / i;
  return 1 - none;
}
