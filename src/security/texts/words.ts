/**
 * A text as a sequence of lower-case words, for comparing what was said rather than how it was typed. British -ise and
 * American -ize count as the same. Punctuation separates words.
 */
export function wordsOf(text: string): readonly string[] {
  return inOneSpelling(text.toLowerCase()).match(/[\p{L}\p{N}_]+/gu) ?? [];
}

/** With -ize for -ise at the ends of words, also of those for which that is no spelling (`exercize`). What is looked for in words has to go through it, too. */
export function inOneSpelling(text: string): string {
  return text.replace(/is(e|ed|es|er|ers|ing|able|ation)(?![\p{L}\p{N}_])/gu, 'iz$1');
}

/** The words joined by single spaces, with one space at either end, so that whole words can be looked up by `includes`. */
export function wordLine(text: string): string {
  return ` ${wordsOf(text).join(' ')} `;
}

/** Up to this length a term must be a whole word: `XSS`, but not the start of another word. */
const SHORT_TERM = 4;

/** Terms as words. They are the catalogue's, a few thousand, and each is looked for in every trace. */
const asWords = new Map<string, string>();

/** Whether a term stands in a word line. Longer terms also match the start of a word: `placeholder` finds `placeholders`. */
export function namesTerm(line: string, term: string): boolean {
  const wanted = asWords.get(term) ?? wordsOf(term).join(' ');
  asWords.set(term, wanted);
  if (wanted === '') return false;
  return line.includes(wanted.length <= SHORT_TERM ? ` ${wanted} ` : ` ${wanted}`);
}
