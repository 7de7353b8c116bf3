import type { CweEntry, Mitigation } from './cwe-entry.js';

/** Where a language's advice continues: what holds in the second language holds in the first as well. */
const BUILDS_ON: Readonly<Record<string, string>> = {
  cpp: 'c',
  typescript: 'javascript',
  tsx: 'javascript',
  jsx: 'javascript',
};

/** A mitigation as it stands for one language. */
export interface ResolvedMitigation {
  readonly id: string;
  /** The general advice, then how the language does it. */
  readonly text: string;
  readonly terms: readonly string[];
  /** Empty: the catalogue has no way to see it in code of this language. */
  readonly evidence: readonly string[];
}

/**
 * What prevents a weakness in a language: the default list, each item followed by the language's own words on it, then
 * the items that only the language has. C++ also takes C's items and TypeScript JavaScript's. A language without a list
 * gets the defaults.
 */
export function mitigationsFor(entry: CweEntry, language: string): readonly ResolvedMitigation[] {
  const below = Object.hasOwn(BUILDS_ON, language) ? listOf(entry, BUILDS_ON[language]) : [];
  const own = listOf(entry, language === 'default' ? undefined : language);
  const ids = new Set([...entry.mitigations.default, ...below, ...own].map(({ id }) => id));
  return [...ids].map((id) => {
    const byId = (list: readonly Mitigation[]) => list.find((item) => item.id === id);
    return resolve(id, byId(entry.mitigations.default), byId(below), byId(own));
  });
}

/** Every mitigation of an entry in every language, for reading reasoning that may name any of them. */
export function allMitigations(entry: CweEntry): readonly ResolvedMitigation[] {
  return Object.keys(entry.mitigations).flatMap((language) => mitigationsFor(entry, language));
}

function listOf(entry: CweEntry, language: string | undefined): readonly Mitigation[] {
  if (language === undefined || !Object.hasOwn(entry.mitigations, language)) return [];
  return entry.mitigations[language] ?? [];
}

/** Of two languages the nearer one speaks; evidence of both counts, because the code may use either's means. */
function resolve(
  id: string,
  general: Mitigation | undefined,
  below: Mitigation | undefined,
  own: Mitigation | undefined,
): ResolvedMitigation {
  const texts = [general?.text, own?.text ?? below?.text].filter((text) => text !== undefined);
  const terms = [...(general?.terms ?? []), ...(below?.terms ?? []), ...(own?.terms ?? [])];
  const evidence = [...(own?.evidence ?? []), ...(below?.evidence ?? []), ...(general?.evidence ?? [])];
  return { id, text: texts.join(' '), terms: [...new Set(terms)], evidence: [...new Set(evidence)] };
}
