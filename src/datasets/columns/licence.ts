/** Stands in a deny list for rows of which no licence is known. */
const NONE = 'none';

/** Licences as the Hub spells them: `CC BY-NC 4.0` becomes `cc-by-nc-4.0`. A list of several keeps them all; what says nothing is `null`. */
export function licenceOf(value: unknown): string | null {
  const written = (Array.isArray(value) ? value : [value]).filter((one): one is string => typeof one === 'string');
  const licences = written
    .map((one) =>
      one
        .trim()
        .toLowerCase()
        .replace(/[\s_]+/g, '-'),
    )
    .filter((one) => one !== '' && one !== 'unknown');
  return licences.length === 0 ? null : [...new Set(licences)].join(', ');
}

/**
 * Whether a licence is on a deny list: one entry denies itself and what begins with it (`cc-by-nc` denies `cc-by-nc-sa-4.0`, not `cc-by-4.0`), `none` a
 * missing one. Of a row under several, each must be allowed.
 */
export function isDenied(licence: string | null, denied: readonly string[]): boolean {
  if (denied.length === 0) return false;
  const licences = (licence ?? '').split(', ').map((one) => licenceOf(one) ?? NONE);
  const entries = denied.map(licenceOf);
  return licences.some((one) =>
    entries.some((entry) => entry !== null && (one === entry || one.startsWith(`${entry}-`))),
  );
}
