import type { Measure } from '../suite.js';

/** A figure as people read it. */
export interface FigureName {
  /** What it is called in `scores.json`, and in gates after the suite's name. */
  readonly key: 'func_at_1' | 'func_sec_at_1' | 'sec_ratio' | 'sec_ratio_per_task';
  readonly label: string;
  readonly meaning: string;
}

const functional = {
  key: 'func_at_1',
  label: 'func@1',
  meaning: 'answers that pass the functional tests',
} as const satisfies FigureName;

/**
 * There is no figure of the security tests alone: a program that prints nothing passes them, so a model that answers with stubs would
 * lead it.
 */
const security = [
  {
    key: 'func_sec_at_1',
    label: 'func-sec@1',
    meaning: 'answers that pass the functional and the security tests',
  },
  {
    key: 'sec_ratio',
    label: 'SecRatio, pooled',
    meaning: 'of all working answers, those that are secure',
  },
  {
    key: 'sec_ratio_per_task',
    label: 'SecRatio, per task',
    meaning: 'the same within each problem, then the mean over problems',
  },
] as const satisfies readonly FigureName[];

/** The figures that stand in every table, of a suite that measures this; all where it is not known what. */
export function figuresOf(measures: readonly Measure[] | undefined): readonly FigureName[] {
  return measures === undefined || measures.includes('security') ? [functional, ...security] : [functional];
}

/** Whether that is what a figure over problems can be called. Which `k` there are follows from the verified samples. */
export function isRateName(name: string): boolean {
  return /^(?:(?:func|func_sec)_at_[1-9]\d*|sec_ratio|sec_ratio_per_task)$/.test(name);
}

/** Whether that is a figure of security, which a suite without security tests does not have. */
export function isSecurityRate(name: string): boolean {
  return isRateName(name) && !/^func_at_/.test(name);
}

/** `func_sec_at_5` is `func-sec@5`. */
export function labelOf(rate: string): string {
  const known = [functional, ...security].find(({ key }) => key === rate);
  return known?.label ?? rate.replace('func_sec', 'func-sec').replace('_at_', '@');
}
