import fc from 'fast-check';

/** A text with as much of one thing as `count` says. */
type Bulk = (count: number) => string;

const numbered = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => line(index)).join('');

const wide: readonly Bulk[] = [
  (count) => numbered(count, (index) => `key${index}: 1\n`),
  (count) => `models: { ${numbered(count, (index) => `m${index}: {}, `)} }\n`,
  (count) => `collect: { sources: [${'{ file: rows.jsonl }, '.repeat(count)}] }\n`,
  (count) => `collect:\n  decontaminate:\n${'  - mini\n'.repeat(count)}`,
  (count) => numbered(count, (index) => `k${index}: &k${index} [1]\n`),
  (count) => `name: &a a\n${numbered(count, (index) => `k${index}: *a\n`)}`,
  (count) => `a0: &a0 [x]\n${numbered(count, (index) => `a${index + 1}: &a${index + 1} [*a${index}, *a${index}]\n`)}`,
  (count) =>
    `a0: &a0 { b: 1 }\n${numbered(count, (index) => `a${index + 1}: &a${index + 1} { <<: *a${index}, c${index}: 1 }\n`)}`,
  (count) => `description: |\n${'  line\n'.repeat(count)}`,
  (count) => `${'# note\n'.repeat(count)}name: a\n`,
  (count) => `name: ${'!a '.repeat(count)}\n`,
  (count) => '}'.repeat(count),
];

/** Deep, or long in one piece: cheap to refuse or to read, so there may be more of it. */
const deepOrLong: readonly Bulk[] = [
  (count) => `name: ${'['.repeat(count)}${']'.repeat(count)}\n`,
  (count) => `name: ${'{ a: '.repeat(count)}1${' }'.repeat(count)}\n`,
  (count) => `${'- '.repeat(count)}a\n`,
  (count) => `${'? '.repeat(count)}a\n`,
  (count) => numbered(Math.min(count, 500), (index) => `${' '.repeat(index)}a:\n`),
  (count) => `description: ${'x'.repeat(count)}\n`,
  (count) => `description: "${'${'.repeat(count)}"\n`,
  (count) => `models: { m: { model: a, endpoint: "${'${A}'.repeat(count)}" } }\n`,
  (count) => `"${'k'.repeat(count)}": { a: 1, b: 2 }\n`,
  (count) => `name: "${'\\q'.repeat(count)}"\n`,
];

function upTo(most: number): fc.Arbitrary<number> {
  const few = fc.integer({ min: 0, max: 150 });
  return fc.oneof({ weight: 30, arbitrary: few }, { weight: 1, arbitrary: fc.integer({ min: 0, max: most }) });
}

/** Much of one thing: keys, items, anchors, aliases, depth, length. */
export const bulk: fc.Arbitrary<string> = fc.oneof(
  fc.tuple(fc.constantFrom(...wide), upTo(4000)).map(([make, count]) => make(count)),
  fc.tuple(fc.constantFrom(...deepOrLong), upTo(40_000)).map(([make, count]) => make(count)),
);
