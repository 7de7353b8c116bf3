/**
 * JSON can hold half of a surrogate pair (`"\ud83d"`), and so can a model's answer that was cut off inside a character. It is no text: it
 * cannot be written as UTF-8 and has no canonical JSON, so every hash of it fails. What comes from outside is mended where it enters; the
 * half becomes U+FFFD, as in every other program that meets one.
 */
export function wellFormed<T>(value: T): T {
  return mended(value) as T;
}

/** The same value with every text in it well formed, keys included; what needs no mending is given back as it is. */
function mended(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.every(isWhole) ? value : value.map(mended);
  if (!isPlain(value) || isWhole(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key.toWellFormed(), mended(item)]));
}

function isWhole(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (Array.isArray(value)) return value.every(isWhole);
  if (!isPlain(value)) return true;
  return Object.entries(value).every(([key, item]) => key.isWellFormed() && isWhole(item));
}

/** What JSON calls an object: dates, bytes and the like are somebody else's. */
function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value));
}
