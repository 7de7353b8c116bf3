import type { PackageSet } from '../../setup/pinned-packages.js';

/** The fields of a recipe that name a target. */
export type TargetField = 'on' | 'score_on';

/** Every target that a recipe names in these fields, wherever they stand. */
export function usedTargets(value: unknown, fields: readonly TargetField[] = ['on', 'score_on']): readonly string[] {
  const found = new Set<string>();
  const walk = (item: unknown): void => {
    if (typeof item !== 'object' || item === null) return;
    for (const [key, entry] of Object.entries(item)) {
      if ((fields as readonly string[]).includes(key) && typeof entry === 'string') found.add(entry);
      else walk(entry);
    }
  };
  walk(value);
  return [...found];
}

/** What the Python of a target has to have for what a recipe does there; nothing where it computes nothing. */
export function usedPackages(value: UsesTraining, target: string): readonly PackageSet[] {
  const { train, ...rest } = value;
  const trains = train.on === target;
  const axolotl = trains && train.trainer === 'axolotl';
  const trainers = usedTargets(rest, ['on']).includes(target) || (trains && !axolotl);
  return [...(trainers ? (['trainers'] as const) : []), ...(axolotl ? (['axolotl'] as const) : [])];
}

interface UsesTraining {
  readonly train: { readonly on: string; readonly trainer: string };
}
