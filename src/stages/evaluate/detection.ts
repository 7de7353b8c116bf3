import { plannedDetectable } from '../../suites/figures/detectable.js';
import { labelOf } from '../../suites/figures/figure-names.js';
import type { Suite } from '../../suites/suite.js';

/** What an evaluation can find, before it is paid for: a sentence for each suite. */
export function detectionLines(
  suites: readonly Suite[],
  asked: Readonly<Record<string, { readonly samples: number }>>,
): readonly string[] {
  return suites.map(({ name, problems, measures }) => {
    const samples = asked[name]?.samples ?? 1;
    const figure = labelOf(measures.includes('security') ? 'func_sec_at_1' : 'func_at_1');
    const size = `${name}: ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'} with ${samples} ${samples === 1 ? 'answer' : 'answers'} each`;
    const gain = plannedDetectable(problems.length, samples);
    return gain === null
      ? `${size} are too few to tell any gain from chance`
      : `${size}: a true gain of ${Math.ceil(gain * 100)} points in ${figure} would be found in about 4 of 5 runs, a smaller one less often`;
  });
}
