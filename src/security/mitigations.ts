import type { CweEntry, Mitigation } from './cwe-entry.js';

/** Where a language's advice continues: what holds in the second language holds in the first as well. */
const BUILDS_ON: Readonly<Record<string, string>> = {
  cpp: 'c',
  kotlin: 'java',
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
  /** It helps and does not prevent the weakness by itself. */
  readonly supporting: boolean;
}

/**
 * What prevents a weakness in a language: the default list, each item followed by the language's own words on it, then
 * the items that only the language has. A language without a list gets the defaults, and one that builds on another
 * takes the other's items too: C++ takes C's, TypeScript JavaScript's, Kotlin Java's.
 */
export function mitigationsFor(entry: CweEntry, language: string): readonly ResolvedMitigation[] {
  const below = listOf(entry.mitigations, languageBelow(language));
  const own = listOf(entry.mitigations, language);
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

/** The patterns that show the naive mistake in code of a language. */
export function dangerFor({ danger = {} }: CweEntry, language: string): readonly string[] {
  const lists = [danger.default ?? [], listOf(danger, languageBelow(language)), listOf(danger, language)];
  return [...new Set(lists.flat())];
}

function languageBelow(language: string): string | undefined {
  return Object.hasOwn(BUILDS_ON, language) ? BUILDS_ON[language] : undefined;
}

/** What an entry has for a language, without the defaults. */
function listOf<T>(lists: Readonly<Record<string, readonly T[]>>, language: string | undefined): readonly T[] {
  if (language === undefined || language === 'default' || !Object.hasOwn(lists, language)) return [];
  return lists[language] ?? [];
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
  const supporting = (general ?? below ?? own)?.supporting ?? false;
  return { id, text: texts.join(' '), terms: [...new Set(terms)], evidence: [...new Set(evidence)], supporting };
}
