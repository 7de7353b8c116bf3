import { type Catalogue, entryOf } from '../catalogue.js';
import { allMitigations } from '../mitigations.js';
import { isDismissed, takesMeasure, threatCues } from './depth-cues.js';
import { namesTerm, wordLine, wordsOf } from './words.js';

/** What a reasoning text says about the selected weaknesses. */
export interface Depth {
  /** The passage that works out what could go wrong, or `null`: nothing but names, praise of good practice, or another subject. */
  readonly threat: string | null;
  /** The sentence that decides on what keeps it from happening, or `null`. */
  readonly measure: string | null;
  /** Both: the text reasons about security and does not only mention it. */
  readonly sound: boolean;
}

/** Sentences that are read together: a thought is rarely in one. */
const PASSAGE = 3;
/** Signs in a passage that somebody thinks of misuse (`threatCues`): one alone is often an accident. */
const FEWEST_CUES = 2;
/** How much of a passage's vocabulary has to be that of the weakness, in words that no other weakness has. */
const ABOUT = { threat: 0.5, measure: 0.4 };

/**
 * Whether a reasoning text works out, in whatever words, how a selected weakness would come about in this program and what prevents it.
 * Three things are looked for: a passage with signs of misuse (who could send what, and what would come of it), a decision on something
 * concrete, and that both are about a selected weakness, which shows in the words that the catalogue uses for it.
 * @throws SecpiError `security/unknown-cwe`.
 */
export function depthOf(reasoning: string, cweIds: readonly string[], catalogue: Catalogue): Depth {
  const subjects = cweIds.map((id) => subjectOf(id, catalogue));
  const sentences = sentencesOf(reasoning);
  const lines = sentences.map(wordLine);
  let threat: string | null = null;
  let measure: string | null = null;
  for (let at = 0; at < sentences.length && (threat === null || measure === null); at += 1) {
    const from = Math.max(0, at - 1);
    const passage = sentences.slice(from, from + PASSAGE);
    const line = lines.slice(from, from + PASSAGE).join('');
    const about = Math.max(...subjects.map((subject) => closeness(line, subject)));
    if (threat === null && about >= ABOUT.threat) {
      const cues = new Set(
        passage.flatMap((sentence, index) =>
          isDismissed(lines[from + index] ?? '') ? [] : threatCues(sentence, lines[from + index] ?? ''),
        ),
      );
      if (cues.size >= FEWEST_CUES || cues.has('payload')) threat = passage.join(' ');
    }
    const own = lines[at] ?? '';
    if (measure === null && about >= ABOUT.measure && !isDismissed(own) && takesMeasure(sentences[at] ?? '', own))
      measure = sentences[at] ?? null;
  }
  return { threat, measure, sound: threat !== null && measure !== null };
}

/** What one writes about a weakness: its words with their weights, and its terms. */
interface Subject {
  readonly words: ReadonlyMap<string, number>;
  readonly terms: readonly string[];
}

/** A term of the catalogue says as much as this many words of its own. */
const TERM_WEIGHT = 1;

function closeness(line: string, { words, terms }: Subject): number {
  let sum = 0;
  for (const word of new Set(wordsOf(line).map(stemOf))) sum += words.get(word) ?? 0;
  for (const term of terms) if (namesTerm(line, term)) sum += TERM_WEIGHT;
  return sum;
}

const vocabularies = new WeakMap<Catalogue, Map<string, Subject>>();

function subjectOf(id: string, catalogue: Catalogue): Subject {
  entryOf(catalogue, id);
  const known = vocabularies.get(catalogue) ?? vocabularyOf(catalogue);
  vocabularies.set(catalogue, known);
  return known.get(id) ?? { words: new Map(), terms: [] };
}

/** For each weakness the words that its entry uses, the more telling the fewer other entries use them. */
function vocabularyOf(catalogue: Catalogue): Map<string, Subject> {
  const texts = [...catalogue.entries.values()].map((entry) => {
    const mitigations = allMitigations(entry);
    const terms = [...entry.aliases, entry.name, ...mitigations.flatMap((mitigation) => mitigation.terms)];
    const text = [
      entry.naive_mistake,
      ...Object.values(entry.triggers).flat(),
      ...mitigations.map(({ text: advice }) => advice),
      ...terms,
    ];
    return { id: entry.id, terms: [...new Set(terms)], stems: new Set(wordsOf(text.join(' ')).map(stemOf)) };
  });
  const holders = new Map<string, number>();
  for (const { stems } of texts) for (const stem of stems) holders.set(stem, (holders.get(stem) ?? 0) + 1);
  const rarity = (stem: string) => 1 - Math.log(holders.get(stem) ?? 1) / Math.log(texts.length + 1);
  return new Map(
    texts.map(({ id, terms, stems }) => [
      id,
      {
        terms,
        words: new Map(
          [...stems].flatMap((stem) => {
            const weight = rarity(stem);
            return stem.length < 3 || weight < 0.25 ? [] : [[stem, weight] as const];
          }),
        ),
      },
    ]),
  );
}

/** Longest piece that counts as one sentence, in characters: code and lists have no full stops. */
const LONGEST = 600;

function sentencesOf(text: string): readonly string[] {
  return text
    .split(/(?<=[.!?:;])\s+|\n+/)
    .filter((sentence) => /[\p{L}]/u.test(sentence))
    .map((sentence) => sentence.slice(0, LONGEST));
}

function stemOf(word: string): string {
  if (word.length < 5 || !/^[a-z]+$/.test(word)) return word;
  return word
    .replace(/(?:ies|ied)$/, 'y')
    .replace(/(?<=[a-z]{3})(?:ing|ed|es|er|ers|ly)$/, '')
    .replace(/(?<=[a-z]{2}[^s])s$/, '')
    .replace(/e$/, '');
}
