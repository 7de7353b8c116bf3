/** Characters of a passage, and how often it has to come again: the figures of PurpCode. */
const LENGTH = 32;
const TIMES = 8;
/** Rules, indentation and tables are made of few characters; they may come as often as they like. */
const DIFFERENT = 7;

const BUCKETS = 1 << 17;
const BASE = 257;
/** BASE to the power of LENGTH - 1, modulo 2^32: what the oldest character of a window weighs. */
const OLDEST = Array.from({ length: LENGTH - 1 }).reduce<number>((power) => Math.imul(power, BASE), 1);

/**
 * A passage of 32 characters that stands in a text at least eight times, without counting how blank space is written. Linear in the text: windows are
 * counted by a rolling hash first, and only texts in which one comes often enough are looked at window by window.
 */
export function repeatedPassage(text: string): { readonly text: string; readonly times: number } | undefined {
  const line = text.replace(/\s+/g, ' ');
  if (line.length < LENGTH + TIMES || !mayRepeat(line)) return undefined;
  const counts = new Map<string, number>();
  for (let at = 0; at + LENGTH <= line.length; at += 1) {
    const passage = line.slice(at, at + LENGTH);
    const times = (counts.get(passage) ?? 0) + 1;
    counts.set(passage, times);
    if (times >= TIMES && new Set(passage).size >= DIFFERENT) return { text: passage, times };
  }
  return undefined;
}

const counted = new Uint16Array(BUCKETS);

function mayRepeat(line: string): boolean {
  counted.fill(0);
  let hash = 0;
  for (let at = 0; at < line.length; at += 1) {
    if (at >= LENGTH) hash -= Math.imul(line.charCodeAt(at - LENGTH), OLDEST);
    hash = (Math.imul(hash, BASE) + line.charCodeAt(at)) | 0;
    if (at < LENGTH - 1) continue;
    const bucket = (hash ^ (hash >>> 15)) & (BUCKETS - 1);
    const times = (counted[bucket] ?? 0) + 1;
    if (times >= TIMES) return true;
    counted[bucket] = times;
  }
  return false;
}
