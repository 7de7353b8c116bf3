/** The words of a text in lower case: runs of letters, with the `++` or `#` behind them that names of languages have. */
export function letterWords(text: string): readonly string[] {
  return text.toLowerCase().match(/[a-z]+(?:\+\+|#)?/g) ?? [];
}
