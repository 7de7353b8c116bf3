/** Lower-case words and numbers of a text; punctuation, accents' composition and white space do not count. */
export function wordsOf(text: string): readonly string[] {
  return (
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  );
}

/** All runs of `size` words, joined by single spaces. A shorter text is one run by itself; an empty one has none. */
export function wordRuns(words: readonly string[], size: number): readonly string[] {
  if (words.length === 0) return [];
  if (words.length <= size) return [words.join(' ')];
  return Array.from({ length: words.length - size + 1 }, (_, start) => words.slice(start, start + size).join(' '));
}

/** Words of different tasks mean the same: each line's words count as its first. */
const SAME = [
  'return give hand yield produce deliver',
  'function method procedure routine func fn',
  'folder directory dir',
  'text string str',
  'number count integer int num digit',
  'list array vector tuple',
  'dictionary dict object mapping',
  'make create build generate construct',
  'program tool application app script',
  'write implement provide code develop',
  'check verify validate test',
  'get take receive accept',
  'file document',
  'save store keep',
  'length size',
  'user visitor member people person guest customer',
  'begin start',
  'lower lowercase',
  'byte octet',
  'fail error failure',
];
const MEANING = new Map(
  SAME.flatMap((line) => {
    const words = line.split(' ').map(stemOf);
    return words.map((word) => [word, words[0] ?? word] as const);
  }),
);

/**
 * What the words of a text are about, in their order: names such as `findUsers` and `find_users` taken apart, endings cut off, words of
 * one meaning made one. For comparing texts that say the same in other words.
 */
export function meaningsOf(text: string): readonly string[] {
  return wordsOf(text.replace(/([\p{Ll}\p{N}])(\p{Lu})/gu, '$1 $2')).map((word) => {
    const stem = stemOf(word);
    return MEANING.get(stem) ?? stem;
  });
}

/** Cuts off what English adds to a word. It need not be a word that is left, only the same one each time. */
export function stemOf(word: string): string {
  if (word.length < 4 || !/^[a-z]+$/.test(word)) return word;
  const bare = word
    .replace(/(?:ies|ied)$/, 'y')
    .replace(/(?<=[a-z]{3})(?:ing|ed|es|ly)$/, '')
    .replace(/(?<=[a-z]{2}[^s])s$/, '')
    .replace(/e$/, '');
  return bare.replace(/([b-df-hj-km-np-rtv-z])\1$/, '$1');
}
