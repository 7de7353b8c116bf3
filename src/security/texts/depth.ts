import { type Catalogue, entryOf } from '../catalogue.js';
import type { CweEntry } from '../cwe-entry.js';
import { allMitigations } from '../mitigations.js';
import { namesTerm, wordLine } from './words.js';

/**
 * The first term of a mitigation of one of the selected weaknesses that a reasoning text holds; `undefined`: it names none. A thought in other
 * words than the catalogue's is not seen.
 * @throws SecpiError `security/unknown-cwe`.
 */
export function namedMitigation(
  reasoning: string,
  cweIds: readonly string[],
  catalogue: Catalogue,
): string | undefined {
  const line = wordLine(reasoning);
  return cweIds.flatMap((id) => termsOf(entryOf(catalogue, id))).find((term) => namesTerm(line, term));
}

const known = new WeakMap<CweEntry, readonly string[]>();

/** The terms in whatever language: reasoning may name any of them. */
function termsOf(entry: CweEntry): readonly string[] {
  const terms = known.get(entry) ?? [...new Set(allMitigations(entry).flatMap((mitigation) => mitigation.terms))];
  known.set(entry, terms);
  return terms;
}
