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
