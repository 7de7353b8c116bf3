import fc from 'fast-check';

/** Much of one thing: keys, items, anchors, aliases, depth, length. */
export const bulk = fc
  .tuple(
    fc.constantFrom<(count: number) => string>(
      (count) => Array.from({ length: count }, (_, index) => `key${index}: 1\n`).join(''),
      (count) => `models: { ${Array.from({ length: count }, (_, index) => `m${index}: {}`).join(', ')} }\n`,
      (count) => `collect: { sources: [${Array.from({ length: count }, () => '{ file: rows.jsonl }').join(', ')}] }\n`,
      (count) => `collect:\n  decontaminate:\n${'  - mini\n'.repeat(count)}`,
      (count) => Array.from({ length: count }, (_, index) => `k${index}: &k${index} [1]\n`).join(''),
      (count) => `name: &a a\n${Array.from({ length: count }, (_, index) => `k${index}: *a\n`).join('')}`,
      (count) =>
        `a0: &a0 [x]\n${Array.from({ length: count }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]\n`).join('')}`,
      (count) =>
        `a0: &a0 { b: 1 }\n${Array.from({ length: count }, (_, i) => `a${i + 1}: &a${i + 1} { <<: *a${i}, c${i}: 1 }\n`).join('')}`,
      (count) => `name: ${'['.repeat(count)}${']'.repeat(count)}\n`,
      (count) => `name: ${'{ a: '.repeat(count)}1${' }'.repeat(count)}\n`,
      (count) => `${'- '.repeat(count)}a\n`,
      (count) => Array.from({ length: count }, (_, index) => `${' '.repeat(index)}a:\n`).join(''),
      (count) => `description: ${'x'.repeat(count)}\n`,
      (count) => `description: "${'${'.repeat(count)}"\n`,
      (count) => `models: { m: { model: a, endpoint: "${'${A}'.repeat(count)}" } }\n`,
      (count) => `description: |\n${'  line\n'.repeat(count)}`,
      (count) => `${'# note\n'.repeat(count)}name: a\n`,
      (count) => `"${'k'.repeat(count)}": { a: 1, b: 2 }\n`,
      (count) => `name: ${'!a '.repeat(count)}\n`,
      (count) => `name: "${'\\q'.repeat(count)}"\n`,
      (count) => '}'.repeat(count),
    ),
    fc.oneof(
      { weight: 30, arbitrary: fc.integer({ min: 0, max: 150 }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 4000 }) },
    ),
  )
  .map(([make, count]) => make(count));
