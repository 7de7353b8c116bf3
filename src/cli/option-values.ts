import { InvalidArgumentError } from 'commander';

/** How the values of options are read. Each throws commander's error, which names the option and the value. */

/** Of an option that can be given several times. */
export function collectValues(value: string, earlier: readonly string[]): readonly string[] {
  return [...earlier, value];
}

export function wholeNumber(value: string): number {
  if (/^\d{1,9}$/.test(value)) return Number(value);
  throw new InvalidArgumentError('It must be a whole number.');
}

/** A fraction, too. */
export function positiveNumber(value: string): number {
  if (/^\d{1,6}(?:\.\d{1,6})?$/.test(value) && Number(value) > 0) return Number(value);
  throw new InvalidArgumentError('It must be a number above 0.');
}

/** Refuses a value that has not the form which `said` describes. */
export function textLike(pattern: RegExp, said: string): (value: string) => string {
  return (value) => {
    if (pattern.test(value)) return value;
    throw new InvalidArgumentError(said);
  };
}

/** Bytes of `200G`, `1.5T`, `500M`: powers of 1024, as `du -h` counts. */
export function sizeInBytes(value: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([KMGT])?(?:i?B)?$/i.exec(value) ?? [];
  if (number === undefined) throw new InvalidArgumentError('It must be a size such as 200G.');
  return Math.floor(Number(number) * 1024 ** ['', 'K', 'M', 'G', 'T'].indexOf(unit.toUpperCase()));
}

/** A kind of suite, and a path or its options: `files=FOLDER`. */
export function namedOrigin(value: string): readonly [string, string] {
  const [, kind = '', where = ''] = /^([a-z][a-z0-9_-]*)=(.+)$/s.exec(value) ?? [];
  if (kind === '') throw new InvalidArgumentError('It must be of the form files=FOLDER.');
  return [kind, where];
}
