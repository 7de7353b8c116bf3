import { type Catalogue, entryOf } from './catalogue.js';
import { codeText } from './code-text.js';
import { mitigationsFor } from './mitigations.js';

/** `unverified`: the catalogue has no pattern for this mitigation in this language. It never counts as visible. */
export type Visibility = 'visible' | 'absent' | 'unverified';

export interface CweEvidence {
  readonly cwe: string;
  readonly mitigations: readonly { readonly id: string; readonly seen: Visibility }[];
  /** Ids of the mitigations that the code shows. */
  readonly visible: readonly string[];
}

/**
 * Which mitigations of the selected weaknesses can be seen in the code. A pattern match is a sign, not a proof.
 * @throws SecpiError `security/unknown-cwe`.
 */
export function evidenceIn(
  code: string,
  language: string,
  cweIds: readonly string[],
  catalogue: Catalogue,
): readonly CweEvidence[] {
  const text = codeText(code, language);
  return cweIds.map((cwe) => {
    const mitigations = mitigationsFor(entryOf(catalogue, cwe), language).map(({ id, evidence }) => ({
      id,
      seen: see(text, evidence),
    }));
    return { cwe, mitigations, visible: mitigations.filter(({ seen }) => seen === 'visible').map(({ id }) => id) };
  });
}

function see(text: string, patterns: readonly string[]): Visibility {
  if (patterns.length === 0) return 'unverified';
  return patterns.some((pattern) => compiled(pattern).test(text)) ? 'visible' : 'absent';
}

const cache = new Map<string, RegExp>();

function compiled(pattern: string): RegExp {
  const known = cache.get(pattern) ?? new RegExp(pattern, 'u');
  cache.set(pattern, known);
  return known;
}
