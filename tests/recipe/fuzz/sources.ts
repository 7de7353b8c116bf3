import fc from 'fast-check';

/** Text, numbers and what is neither, as they stand in a recipe: at the edges of what can be kept, and beyond. */
export const sources = {
  text: ['a', 'mini', 'my-model', '"quoted"', "'single'", 'x y z', 'owner/name', 'rows.jsonl', '1e-4x'],
  number: ['0', '1', '-1', '0.5', '1.0e-4', '7', '64', '9007199254740991', '1e308', '-0', '0x1F', '0o17', '+1', '.5'],
  edge: [
    '9007199254740992',
    '-99999999999999999999',
    '0xFFFFFFFFFFFFFFFFFFFF',
    '1e999',
    '.inf',
    '-.inf',
    '.nan',
    '1_000',
  ],
  odd: [
    '',
    '""',
    '"${HERE}"',
    '~',
    'null',
    'true',
    'no',
    '2024-01-01',
    '<<',
    '=',
    '?',
    '-',
    '|',
    '>',
    '@a',
    '`a`',
    '%a',
    '#a',
    '\t',
    'a\tb',
  ],
  hostile: [
    '"\\ud83d"',
    '"\\ude00\\ud83d"',
    '"\\ud83d\\ude00"',
    '"\\0"',
    '"a\\0b"',
    '"\\u001b[31m"',
    '"\\q"',
    '"\\x1"',
    '"\\UFFFFFFFF"',
    '"\u0085\u2028\u2029"',
    '"\u0007\u001b\u007f"',
    '\u0002a\u0018b\u001fc',
    '\ufeffa',
    '\ud83d\ude00',
    '"unclosed',
    "'unclosed",
    '${HERE}',
    '${EMPTY}',
    '${NOT_THERE}',
    '${constructor}',
    '${__proto__}',
    '${',
    '${${${}',
    '"${HERE}${HERE}"',
    '../../../../etc/passwd',
    'gone.jsonl',
  ],
} as const;

/** Keys that no schema knows, or that mean something to JavaScript or YAML. */
export const strangeKeys: readonly string[] = [
  '__proto__',
  'constructor',
  'toString',
  '""',
  '"a.b"',
  '"\\ud83d"',
  '~',
  '1',
  '0x10',
  'a b',
  '? a',
  '*a',
  '[a]',
  'target',
];
/** Characters from everywhere, halves of surrogate pairs among them. */
export function wildText(maxLength: number): fc.Arbitrary<string> {
  const code = fc.oneof(fc.integer({ min: 32, max: 126 }), fc.integer({ min: 0, max: 0x10ffff }));
  return fc.array(code, { maxLength }).map((codes) => String.fromCodePoint(...codes));
}

/** A scalar as it stands in a text. */
export const source = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...sources.text) },
  { weight: 4, arbitrary: fc.constantFrom(...sources.number) },
  { weight: 2, arbitrary: fc.constantFrom(...sources.edge) },
  { weight: 2, arbitrary: fc.constantFrom(...sources.odd) },
  { weight: 2, arbitrary: fc.constantFrom(...sources.hostile) },
  { weight: 1, arbitrary: fc.string({ maxLength: 12 }).map((text) => JSON.stringify(text)) },
  { weight: 1, arbitrary: wildText(8) },
);
