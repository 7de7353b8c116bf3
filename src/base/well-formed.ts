/** How deep lists and objects may stand in each other. Nothing that a person made is so deep, and whatever goes through a value by recursion copes with it. */
const DEEPEST = 1000;

/**
 * JSON can hold half of a surrogate pair (`"\ud83d"`), and so can a model's answer that was cut off inside a character. It is no text: it
 * cannot be written as UTF-8 and has no canonical JSON, so every hash of it fails. What comes from outside is mended where it enters; the
 * half becomes U+FFFD, as in every other program that meets one. Throws where a value is nested so deep that it would take the whole stack.
 */
export function wellFormed<T>(value: T): T {
  return isWhole(value, DEEPEST) ? value : (mended(value, DEEPEST) as T);
}

/** The same value with every text in it well formed, keys included. */
function mended(value: unknown, levels: number): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map((item) => mended(item, below(levels)));
  if (!isPlain(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key.toWellFormed(), mended(item, below(levels))]),
  );
}

function isWhole(value: unknown, levels: number): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (Array.isArray(value)) return value.every((item) => isWhole(item, below(levels)));
  if (!isPlain(value)) return true;
  return Object.entries(value).every(([key, item]) => key.isWellFormed() && isWhole(item, below(levels)));
}

function below(levels: number): number {
  if (levels === 0) throw new Error(`is nested more than ${DEEPEST} levels deep`);
  return levels - 1;
}

/** What JSON calls an object: dates, bytes and the like are somebody else's. */
function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value));
}
