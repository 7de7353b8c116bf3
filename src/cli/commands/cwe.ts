import { resolve } from 'node:path';
import { type Catalogue, entryOf, loadCatalogue } from '../../security/catalogue.js';
import { type CweEntry, occursIn } from '../../security/cwe-entry.js';
import { dangerFor, mitigationsFor } from '../../security/mitigations.js';
import { normaliseCweId } from '../../security/prompts/verdict.js';
import type { CliEnvironment } from '../environment.js';
import { writeJson } from '../output.js';
import type { OutputOptions } from '../recipes/run-options.js';
import { plainTable } from '../views/plain-table.js';
import { styleFor } from '../views/style.js';

interface CweOptions extends OutputOptions {
  readonly language?: string;
  readonly catalogue?: string;
}

/** `secpi cwe list`: one line per weakness. With `--json` one object each, of type `weakness`. */
export async function listWeaknesses(
  { group, language, ...options }: CweOptions & { readonly group?: string },
  environment: CliEnvironment,
): Promise<number> {
  const { stdout, variables } = environment;
  const catalogue = catalogueOf(options, environment);
  const entries = [...catalogue.entries.values()].filter(
    (entry) => (group === undefined || entry.group === group) && (language === undefined || occursIn(entry, language)),
  );
  if (options.json === true) {
    for (const { id, name, aliases, group, languages } of entries) {
      writeJson({ type: 'weakness', id, name, aliases, group, languages }, environment);
    }
    return 0;
  }
  const head = ['id', 'group', 'weakness', 'advice on'];
  const rows = entries.map((entry) => [entry.id, entry.group, entry.aliases[0] ?? entry.name, advised(entry)]);
  const align = head.map(() => 'left' as const);
  stdout.write(`${plainTable(rows, { head, align, style: styleFor(stdout, variables) })}\n`);
  return 0;
}

/** `secpi cwe show`: all about one, in one language or in general. With `--json` one object of type `weakness`. */
export async function showWeakness(
  id: string,
  { language = 'default', ...options }: CweOptions,
  environment: CliEnvironment,
): Promise<number> {
  const { stdout, variables } = environment;
  const entry = entryOf(catalogueOf(options, environment), normaliseCweId(id) ?? id);
  const mitigations = mitigationsFor(entry, language);
  const danger = dangerFor(entry, language);
  if (options.json === true) {
    writeJson({ type: 'weakness', ...entry, language, mitigations, danger }, environment);
    return 0;
  }
  const style = styleFor(stdout, variables);
  const ofLanguage = Object.hasOwn(entry.triggers, language) ? (entry.triggers[language] ?? []) : [];
  const calls = [...new Set([...entry.triggers.default, ...ofLanguage])];
  const parts: (readonly [head: string, lines: readonly string[]])[] = [
    ['What calls for care', calls],
    ['What looks risky and is not', entry.negative_triggers],
    ['The naive mistake', [entry.naive_mistake]],
    ['What prevents it', mitigations.flatMap(({ id, text, evidence }) => [`${id}: ${text}`, ...evidence.map(seenBy)])],
    ['What shows the mistake in code', danger.map(seenBy)],
    ['Rules of analysers', Object.entries(entry.analyser_rules).map(([tool, rules]) => `${tool}: ${rules.join(', ')}`)],
  ];
  const about = parts
    .filter(([, lines]) => lines.length > 0)
    .map(([head, lines]) => `${style('bold', head)}\n${lines.map((line) => `  ${line}`).join('\n')}`);
  stdout.write(`${[headOf(entry, style('bold', entry.id)), ...about].join('\n\n')}\n`);
  return 0;
}

const seenBy = (pattern: string) => `  ${pattern}`;

function catalogueOf({ catalogue }: CweOptions, { workingDirectory }: CliEnvironment): Catalogue {
  return catalogue === undefined ? loadCatalogue() : loadCatalogue(resolve(workingDirectory, catalogue));
}

function advised({ mitigations }: CweEntry): string {
  return Object.keys(mitigations)
    .filter((language) => language !== 'default')
    .sort()
    .join(' ');
}

function headOf(entry: CweEntry, id: string): string {
  const facts = [
    `group ${entry.group}`,
    ...(entry.owasp2021 === null ? [] : [`OWASP 2021 ${entry.owasp2021}`]),
    ...(entry.owasp2025 === null ? [] : [`OWASP 2025 ${entry.owasp2025}`]),
    ...(entry.parents.length === 0 ? [] : [`below ${entry.parents.join(', ')}`]),
    ...(entry.languages.length === 0 ? [] : [`in ${entry.languages.join(', ')}`]),
    ...(entry.benchmarks.length === 0 ? [] : [`measured by ${entry.benchmarks.join(', ')}`]),
  ];
  return `${id} ${entry.name}\nalso: ${entry.aliases.join(', ')}\n${facts.join('; ')}`;
}
