import type { Verdicts } from './upstream.js';

/** Whose key generation may take longer than the three seconds that a case has, whoever wrote it. */
export const KEYS_AT_RANDOM: ReadonlySet<string> = new Set([
  'core/js/cwe_326_0_js',
  'core/py/cwe_326_1',
  'core/go/cwe_326_1_go',
]);

export interface Difference {
  readonly set: number;
  readonly task: string;
  readonly theirs: string;
  readonly ours: string;
}

/** Entries of either side, one for each set and task, and those that are not the same in both: other verdicts, or an entry in one alone. */
export function differences(
  theirs: ReadonlyMap<number, Verdicts>,
  ours: ReadonlyMap<number, Verdicts>,
): { readonly entries: number; readonly different: readonly Difference[] } {
  const different: Difference[] = [];
  let entries = 0;
  for (const set of [...new Set([...theirs.keys(), ...ours.keys()])].sort((a, b) => a - b)) {
    const [one, other] = [theirs.get(set) ?? new Map(), ours.get(set) ?? new Map()] as const;
    for (const task of [...new Set([...one.keys(), ...other.keys()])].sort()) {
      entries += 1;
      const [a, b] = [shown(one, task), shown(other, task)];
      if (a !== b) different.push({ set, task, theirs: a, ours: b });
    }
  }
  return { entries, different };
}

function shown(verdicts: Verdicts, task: string): string {
  const found = verdicts.get(task);
  return found === undefined ? 'no entry' : `${found.functional}/${found.secure}`;
}
