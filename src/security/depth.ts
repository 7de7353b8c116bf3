import { type Catalogue, entryOf } from './catalogue.js';
import { allMitigations } from './mitigations.js';
import { namesTerm, wordLine } from './words.js';

export interface Discussion {
  /** The selected weaknesses that are named, by id, name or alias. */
  readonly cwes: readonly string[];
  /** The catalogue's mitigations of the selected weaknesses that are named. */
  readonly mitigations: readonly { readonly cwe: string; readonly id: string }[];
  /** At least one selected weakness and at least one mitigation: the text reasons about security at all. */
  readonly enough: boolean;
}

/**
 * What a reasoning text says about the selected weaknesses.
 * @throws SecpiError `security/unknown-cwe`.
 */
export function discusses(reasoning: string, cweIds: readonly string[], catalogue: Catalogue): Discussion {
  const line = wordLine(reasoning);
  const entries = cweIds.map((id) => entryOf(catalogue, id));
  const cwes = entries
    .filter(({ id, name, aliases }) => {
      const number = id.slice('CWE-'.length);
      const byId = line.includes(` cwe ${number} `) || line.includes(` cwe${number} `);
      return byId || [name, ...aliases].some((term) => namesTerm(line, term));
    })
    .map(({ id }) => id);
  const mitigations = entries.flatMap((entry) => {
    const named = allMitigations(entry).filter(({ terms }) => terms.some((term) => namesTerm(line, term)));
    return [...new Set(named.map(({ id }) => id))].map((id) => ({ cwe: entry.id, id }));
  });
  return { cwes, mitigations, enough: cwes.length > 0 && mitigations.length > 0 };
}
