import { maskerOf } from './mask-values.js';

/** Takes secrets out of a text before it goes anywhere: terminal, journal, error, report. */
export type Redactor = (text: string) => string;

const MASK = '[redacted]';

/** A shorter value is more likely a flag or a word than a secret, and would blank out half the log. */
const MIN_SECRET_LENGTH = 6;

/** Names of environment variables whose values are secrets. */
const SECRET_NAME =
  /(^|_)(TOKEN|KEY|APIKEY|PASS|PASSWD|PASSPHRASE|PAT|CREDENTIALS?)$|SECRET|PASSWORD|(^|_)TOKEN_|API_?KEY/i;

/**
 * Secrets that give themselves away by their shape, in case they did not come from the environment. These patterns and those
 * below see text that models and strangers made: an attempt that fails has to fail within a fixed number of characters, or
 * on characters that no other attempt looks at.
 */
const SECRET_SHAPES: readonly RegExp[] = [
  /\bhf_[A-Za-z0-9]{16,}/g,
  /\bsk-[A-Za-z0-9_-]{16,}/g,
  /\b(?:ghp|gho|ghs|ghu)_[A-Za-z0-9]{20,}/g,
  /\bgithub_pat_[A-Za-z0-9_]{20,}/g,
  /\bAKIA[0-9A-Z]{16}\b/g,
];

/** Places where the secret is what follows (or stands between) something that stays readable. */
const SECRET_PLACES: readonly [RegExp, string][] = [
  [/\b(Bearer\s+)(?!\[redacted\])[A-Za-z0-9._~+/-]{6,}=*/gi, `$1${MASK}`],
  // What stands before `://` is not looked at: to find where a scheme begins costs a second look at each of its characters.
  [/(?<=:\/\/)(?!\[redacted\]@)[^\s/?#@'"<>]+@/g, `${MASK}@`],
];

/** Whether an environment variable of this name holds a secret (`HF_TOKEN`, `OPENAI_API_KEY`, `DB_PASSWORD`, …). */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/** How one secret may look inside other text: as it is, in JSON, in a URL, and each long line of a key file. */
function spellings(secret: string): string[] {
  const lines = secret.split(/\r?\n/).filter((line) => line.length >= 16);
  return [secret, secret.trim(), ...lines].flatMap((text) => [text, JSON.stringify(text).slice(1, -1), inUrl(text)]);
}

/**
 * Makes the redactor of a process. It knows secrets by *value*: those of all environment variables with a secret's name,
 * and `more` (values that came from elsewhere). On top it masks what has the shape of a token or stands where one would
 * (`Bearer …`, `https://user:password@host`).
 */
export function createRedactor(
  env: Readonly<Record<string, string | undefined>>,
  more: readonly string[] = [],
): Redactor {
  const named = Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && isSecretName(name) ? [value] : [],
  );
  const values = [...named, ...more].flatMap(spellings).filter((value) => value.length >= MIN_SECRET_LENGTH);
  const maskKnown = maskerOf([...new Set(values)], MASK);
  return (text) => {
    let clean = maskKnown(text);
    for (const shape of SECRET_SHAPES) clean = clean.replace(shape, MASK);
    for (const [place, masked] of SECRET_PLACES) clean = clean.replace(place, masked);
    return clean;
  };
}

function inUrl(text: string): string {
  try {
    return encodeURIComponent(text);
  } catch {
    // Half of a surrogate pair: it cannot stand in a URL either.
    return text;
  }
}
