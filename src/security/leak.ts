import { wordLine, wordsOf } from './words.js';

/** What the teacher was shown and must not repeat. */
export interface Guidance {
  readonly text: string;
  /** Ids, names and aliases of the weaknesses: anybody may use these words. */
  readonly names: readonly string[];
}

export interface Leak {
  readonly kind: 'ngram' | 'phrase';
  /** The words that gave it away, lower case, without punctuation. */
  readonly text: string;
}

/** Words in a row that count as copied. The length that s1 and open-r1 use for contamination. */
export const LEAK_WORDS = 8;

const GUIDE = '(?:guidance|guideline|guidelines|briefing|reviewer notes|security notes|security hints|cwe list)';

/** Talk about a prompt that the user of the tuned model will never have written. Matched on words, see `wordsOf`. */
const PHRASES = [
  `${GUIDE} (?:above|below|provided|given|i was given|i have been given|say|says|said|mention|mentions|list|lists|state|states|tell|tells|ask|asks|suggest|suggests)`,
  `(?:above|provided|given|listed|supplied) (?:${GUIDE}|mitigations|weaknesses|cwes)`,
  `(?:according to|following|per) (?:the|these|those) ${GUIDE}`,
  '(?:the|my) system (?:prompt|message|instruction|instructions)',
  'as (?:instructed|directed|told) (?:above|by the)',
  'i (?:was|am|have been|ve been|m) (?:told|instructed|asked) (?:not )?to (?:reason|mention|notice|act|pretend|consider|think)',
  'as (?:if|though) i (?:had |have )?(?:noticed|discovered|spotted)',
  `without (?:mentioning|revealing|referring to) (?:the|that|any|this|these) (?:${GUIDE}|instruction|instructions|list|notes)`,
  `(?:should not|must not|not|cannot|can t|shouldn t|mustn t|don t) (?:mention|reveal|refer to) (?:the|these|this|any) (?:${GUIDE}|instruction|instructions|notes)`,
  '(?:listed|selected|provided) (?:cwe|cwes|weaknesses)',
].map((source) => new RegExp(` (${source}) `, 'g'));

/**
 * Finds traces of the guidance in what the teacher wrote: eight words in a row that stand in the guidance (but neither in
 * the task nor in a weakness's name; code in backticks is left out, because good answers share it), or talk about being
 * guided. Returns the first find, or `undefined`.
 */
export function promptLeak(text: string, guidance: Guidance, taskPrompt: string): Leak | undefined {
  const words = wordsOf(text);
  const taught = new Set(guidanceSegments(guidance).flatMap((segment) => ngrams(wordsOf(segment))));
  for (const gram of ngrams(wordsOf(taskPrompt))) taught.delete(gram);
  const copied = ngrams(words).find((gram) => taught.has(gram));
  if (copied !== undefined) return { kind: 'ngram', text: copied };
  const line = ` ${words.join(' ')} `;
  const taskLine = wordLine(taskPrompt);
  for (const phrase of PHRASES) {
    for (const [, said] of line.matchAll(phrase)) {
      if (said !== undefined && !taskLine.includes(` ${said} `)) return { kind: 'phrase', text: said };
    }
  }
  return undefined;
}

/** The guidance in pieces, cut where code or a weakness's name stands. */
function guidanceSegments({ text, names }: Guidance): readonly string[] {
  const cut = '\u0000';
  const prose = text.replace(/`[^`\n]*`/g, cut);
  const longestFirst = [...new Set(names)]
    .filter((name) => wordsOf(name).length > 0)
    .sort((a, b) => b.length - a.length);
  if (longestFirst.length === 0) return prose.split(cut);
  const escaped = longestFirst.map((name) => name.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'));
  const named = new RegExp(`(?<![\\p{L}\\p{N}_])(?:${escaped.join('|')})(?![\\p{L}\\p{N}_])`, 'giu');
  return prose.replace(named, cut).split(cut);
}

function ngrams(words: readonly string[]): string[] {
  const grams: string[] = [];
  for (let at = 0; at + LEAK_WORDS <= words.length; at += 1) grams.push(words.slice(at, at + LEAK_WORDS).join(' '));
  return grams;
}
