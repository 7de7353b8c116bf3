import type { Catalogue } from '../../../security/catalogue.js';
import type { CweGroup } from '../../../security/cwe-entry.js';
import type { ProbeTask } from '../../../security/probing/probe-tasks.js';
import { offeredEntries } from '../../../security/prompts/classify-prompt.js';

/** What a filter that looks for these groups ought to make of a labelled task. */
export interface Expectation {
  /** Whether it ought to be kept; `null` where both are right: what it is labelled with is not looked for, what it may be is. */
  readonly kept: boolean | null;
  /** Ids that ought to be named. */
  readonly ids: readonly string[];
  /**
   * Ids that may be named, and count neither way: those that the label allows, and on a task that ought to be kept the general ones, which
   * MITRE advises against as a label.
   */
  readonly allowed: ReadonlySet<string>;
}

export function expectationOf(
  { language, cwes, also }: Pick<ProbeTask, 'language' | 'cwes' | 'also'>,
  catalogue: Catalogue,
  groups?: readonly CweGroup[],
): Expectation {
  const offered = offeredEntries(language, catalogue, groups);
  const ids = cwes.filter((id) => offered.has(id));
  const allowed = new Set(also.filter((id) => offered.has(id)));
  // An id that the catalogue does not know may be taken for any that it does.
  const unknown = cwes.some((id) => !catalogue.entries.has(id));
  const kept = ids.length > 0 ? true : allowed.size > 0 || unknown ? null : false;
  if (kept === true) {
    for (const { id, mapping_usage } of offered.values()) {
      if (mapping_usage === 'discouraged' && !ids.includes(id)) allowed.add(id);
    }
  }
  return { kept, ids, allowed };
}
