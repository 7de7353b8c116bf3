import type { Catalogue } from '../../../security/catalogue.js';
import type { AnalyserRule } from './analyser.js';

/** The rules of a tool that the catalogue lists, each with the weaknesses that it is listed for. */
export function catalogueRules(catalogue: Catalogue, tool: string, languages: readonly string[]): AnalyserRule[] {
  const cwes = new Map<string, string[]>();
  for (const { id, analyser_rules } of catalogue.entries.values()) {
    for (const rule of analyser_rules[tool] ?? []) cwes.set(rule, [...(cwes.get(rule) ?? []), id]);
  }
  return [...cwes].map(([id, of]) => ({ id, cwes: of, languages }));
}
