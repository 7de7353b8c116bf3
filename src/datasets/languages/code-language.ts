import { dialects, embeddedSigns, programmingSigns, type Signs } from './code-signs.js';
import { isLanguage, normaliseLanguage } from './language-names.js';
import { letterWords } from './letter-words.js';

/** Texts are looked at up to here: what follows tells nothing new. */
const longestText = 12_000;
/** Points that signs have to add up to. */
const enough = 2;

/** The language of the code in a text: as its fences say, or by what it looks like; `undefined` when neither tells. */
export function codeLanguage(text: string): string | undefined {
  const start = text.slice(0, longestText);
  const fenced = new Set(
    [...start.matchAll(/^[ \t]{0,9}```[ \t]{0,3}([\w+#.-]{1,20})/gm)].map(([, name = '']) => name).filter(isLanguage),
  );
  const [name] = fenced;
  if (name !== undefined && fenced.size === 1) return normaliseLanguage(name);
  const words = new Set(letterWords(start));
  return mostLike(start, words, programmingSigns) ?? mostLike(start, words, embeddedSigns);
}

/** The one language that the text shows most signs of, if they are enough. */
function mostLike(
  text: string,
  words: ReadonlySet<string>,
  languages: Readonly<Record<string, Signs>>,
): string | undefined {
  const points = new Map<string, number>();
  for (const [language, { words: wanted, signs }] of Object.entries(languages)) {
    if (!wanted.some((word) => words.has(word))) continue;
    points.set(
      language,
      signs.reduce((sum, [weight, pattern]) => sum + (pattern.test(text) ? weight : 0), 0),
    );
  }
  for (const [dialect, of] of dialects) {
    const own = points.get(dialect) ?? 0;
    if (own >= enough) points.set(dialect, own + (points.get(of) ?? 0));
  }
  const [first, second] = [...points].sort(([, left], [, right]) => right - left);
  if (first === undefined || first[1] < enough || first[1] === second?.[1]) return undefined;
  return first[0];
}
