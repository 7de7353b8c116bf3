import { type Catalogue, entryOf } from '../catalogue.js';
import { dangerFor, mitigationsFor } from '../mitigations.js';
import { codeText } from './code-text.js';

/** `unverified`: the catalogue has no pattern for this mitigation in this language. It never counts as visible. */
export type Visibility = 'visible' | 'absent' | 'unverified';

/**
 * What code says about a weakness, by the patterns of the catalogue:
 *
 * - `contradicted`: the naive mistake stands there, whatever else does (`pickle.loads` beside `json.loads`)
 * - `shown`: at least one mitigation that prevents the weakness by itself
 * - `absent`: patterns for the language, and none matches
 * - `unverified`: no pattern that could have shown it. Nothing was looked at, so nothing is said.
 *
 * A match is a sign, not a proof.
 */
export const ACTUATIONS = ['shown', 'absent', 'contradicted', 'unverified'] as const;
export type Actuation = (typeof ACTUATIONS)[number];

export interface CweEvidence {
  readonly cwe: string;
  readonly verdict: Actuation;
  readonly mitigations: readonly { readonly id: string; readonly seen: Visibility }[];
  /** Ids of the mitigations that the code shows. */
  readonly visible: readonly string[];
  /** The places in the code (comments gone, blank space collapsed) that show the naive mistake. */
  readonly danger: readonly string[];
}

/**
 * Reads code for each of the selected weaknesses.
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
    const entry = entryOf(catalogue, cwe);
    const found = mitigationsFor(entry, language).map(({ id, evidence, supporting }) => ({
      id,
      supporting,
      seen: see(text, evidence),
    }));
    const danger = dangerFor(entry, language).flatMap((pattern) => compiled(pattern).exec(text)?.[0] ?? []);
    return {
      cwe,
      verdict: actuationOf(found, danger),
      mitigations: found.map(({ id, seen }) => ({ id, seen })),
      visible: found.filter(({ seen }) => seen === 'visible').map(({ id }) => id),
      danger,
    };
  });
}

function actuationOf(
  mitigations: readonly { readonly seen: Visibility; readonly supporting: boolean }[],
  danger: readonly string[],
): Actuation {
  if (danger.length > 0) return 'contradicted';
  const preventing = mitigations.filter(({ supporting }) => !supporting);
  if (preventing.some(({ seen }) => seen === 'visible')) return 'shown';
  return preventing.every(({ seen }) => seen === 'unverified') ? 'unverified' : 'absent';
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
