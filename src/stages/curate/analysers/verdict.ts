import { clip } from '../../../base/clip.js';
import { LONGEST_CODE } from '../code-of.js';
import type { Verdict } from '../filters/filter.js';
import type { AnalysedTrace } from '../records.js';
import type { AnalyserRule, Found } from './analyser.js';
import type { Look } from './look.js';
import type { NamedAnalyser } from './open.js';

type Row = AnalysedTrace['looks'][number];

/** Code of an answer, and what its task is about. */
export interface AnalysedCode {
  readonly language: string;
  readonly cwes: readonly string[];
  readonly text: string;
}

/** Findings that a row holds of one analyser. */
const MOST_FINDINGS = 20;

/** The rules that look for a weakness of the task in its language. */
function rulesFor({ analyser }: NamedAnalyser, { language, cwes }: AnalysedCode): readonly AnalyserRule[] {
  return analyser.rules.filter(
    (rule) => rule.languages.includes(language) && rule.cwes.some((cwe) => cwes.includes(cwe)),
  );
}

/** Why there is nothing for the analyser to look at; `undefined` where there is. */
export function whyNot(named: NamedAnalyser, code: AnalysedCode): string | undefined {
  const { language, cwes, text } = code;
  if (named.version === undefined) return 'it is not on this machine';
  if (named.analyser.endings[language] === undefined) return `it does not read ${language}`;
  if (text.trim() === '') return 'there is no code';
  if (text.length > LONGEST_CODE) return `the code is longer than ${LONGEST_CODE} characters`;
  return rulesFor(named, code).length === 0 ? `it has no rule for ${cwes.join(', ') || 'nothing'}` : undefined;
}

/**
 * What an analyser's look means for the answer. A finding of a rule for one of the task's weaknesses is an objection. One of another rule is
 * written down and no more: analysers speak of much that is no mistake where it stands.
 */
export function rowOf(named: NamedAnalyser, code: AnalysedCode, look: Look): Row {
  const rules = new Map(rulesFor(named, code).map((rule) => [rule.id, rule]));
  const findings = look.found
    .map(({ rule, line, says }) => {
      const cwes = rules.get(rule)?.cwes.filter((cwe) => code.cwes.includes(cwe)) ?? [];
      return { rule, line, cwes, says: clip(says, 200) };
    })
    .sort((one, other) => Number(other.cwes.length > 0) - Number(one.cwes.length > 0) || byPlace(one, other));
  const objects = (findings[0]?.cwes.length ?? 0) > 0;
  return {
    analyser: named.analyser.program.name,
    verdict: objects ? 'finding' : look.unread === undefined ? 'pass' : 'unverified',
    why: look.unread ?? null,
    findings: findings.slice(0, MOST_FINDINGS),
  };
}

function byPlace(one: Found, other: Found): number {
  return one.line - other.line || (one.rule < other.rule ? -1 : Number(one.rule > other.rule));
}

/** What all of them say together: the first objection; a pass where one of them has looked. */
export function verdictOf(looks: readonly Row[]): Verdict {
  for (const { analyser, verdict, findings } of looks) {
    const [first] = findings;
    if (verdict !== 'finding' || first === undefined) continue;
    const { rule, line, cwes, says } = first;
    return { code: 'analyser_finding', detail: `${analyser} ${rule}, line ${line}, ${cwes.join(', ')}: ${says}` };
  }
  return looks.some(({ verdict }) => verdict === 'pass') ? 'pass' : 'unverified';
}
