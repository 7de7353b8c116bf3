/** The text, or its beginning and `…` where it is longer than `length` UTF-16 units. Never ends in half a character. */
export function clip(text: string, length: number): string {
  if (text.length <= length) return text;
  return `${text.slice(0, length).replace(/[\ud800-\udbff]$/, '')}…`;
}
