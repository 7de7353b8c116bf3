import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCode } from '../../../src/stages/curate/syntax/read-code.js';

const read = (language: string, ...texts: readonly string[]) =>
  readCode(
    texts.map((text) => ({ tag: language, text: `${text}\n` })),
    language,
  );

/** A sound program of each language with a grammar, and the same with a mistake. */
const programs: Readonly<Record<string, readonly [string, string]>> = {
  c: ['#include <stdio.h> \nint f(int new) { return new; }', 'int f(int a) { return a;'],
  cpp: ['template <class T> T f(T a) { return a; }', 'template <class T> T f(T a { return a; }'],
  csharp: ['class A { int F(int a) => a; }', 'class A { int F(int a) => a; '],
  go: ['package main\n\nfunc f(a int) int { return a }', 'package main\n\nfunc f(a int int { return a }'],
  java: ['class A { int f(int a) { return a; } }', 'class A { int f(int a) { return a } '],
  javascript: ['export const f = (a) => ({ ...a });', 'export const f = (a) => ({ ...a );'],
  php: ['<?php function f($a) { return $a; }', '<?php function f($a) { return $a; '],
  python: ['def f(a):\n    return a', 'def f(a:\n    return a'],
  ruby: ['def f(a)\n  a.map { |b| b }\nend', 'def f(a)\n  a.map { |b| b \nend'],
  rust: ['fn f(a: &str) -> usize { a.len() }', 'fn f(a: &str -> usize { a.len() }'],
  shell: ['for a in "$@"; do echo "$a"; done', 'for a in "$@"; do echo "$a"; fi'],
  typescript: ['const f = <T,>(a: T): T => a;', 'const f = <T,>(a: T: T => a;'],
};

describe('reading the code of an answer', () => {
  it.each(Object.entries(programs))('%s', async (language, [right, wrong]) => {
    expect(await read(language, right)).toBe('pass');
    expect(await read(language, wrong)).toMatchObject({
      code: 'code_unparsable',
      detail: expect.stringMatching(new RegExp(`^${language}, block 1, line \\d+: `)),
    });
  });

  it('says nothing where there is no grammar, no code, or another language', async () => {
    for (const language of ['kotlin', 'sql', 'unknown', 'constructor'])
      expect(await read(language, 'fun f( {')).toBe('unverified');
    expect(await readCode([], 'python')).toBe('unverified');
    expect(await readCode([{ tag: 'console', text: '$ ./a.out <<< (\n' }], 'c')).toBe('unverified');
  });

  it('reads a last block without a tag as the program, and passes over blocks of other languages', async () => {
    const output = { tag: 'text', text: '1) 2) (\n' };
    expect(await readCode([{ tag: '', text: 'def f(:\n' }], 'python')).toMatchObject({ code: 'code_unparsable' });
    expect(await readCode([{ tag: 'py', text: 'f(1)\n' }, output], 'python')).toBe('pass');
  });

  it('lets parts of programs pass: methods, an indented part, halves that belong together', async () => {
    expect(await read('java', 'public int f(int a) { return a; }')).toBe('pass');
    expect(await read('csharp', 'public int F { get; private set; } = 1;')).toBe('pass');
    expect(await read('php', 'public function f(): int { return 1; }')).toBe('pass');
    expect(await read('javascript', 'constructor(a) { this.a = a; }\n\n#b = 1;')).toBe('pass');
    expect(await read('python', '    def f(self):\n        return 1')).toBe('pass');
    expect(await read('go', 'func f() int {', '  return 1\n}')).toBe('pass');
  });

  it('does not blame what is left out, in whatever way that is said', async () => {
    expect(await read('java', 'class A {\n  ...\n  int f() { return 1; }\n')).toBe('unverified');
    expect(await read('go', 'func f() int {\n  // ... as before')).toBe('unverified');
    expect(await read('go', 'func f(a ...int) int {')).toMatchObject({ code: 'code_unparsable' });
  });

  it('takes an empty block for a program without a mistake', async () => {
    for (const language of Object.keys(programs))
      for (const text of ['', '  \n\t']) expect(await read(language, text), language).toBe('pass');
  });

  /** Where grammars go on reading to the end, or change what they read by. */
  const openings = [
    '<<EOF\n',
    "<<~'A'\n",
    '"',
    "'",
    '`',
    '"""',
    '/*',
    '${',
    '#{',
    '%w[',
    '=begin\n',
    'R"x(',
    '<?php',
    '@"',
    'f"{',
    '{',
    '(',
    '<',
    '\\',
  ];
  const blanks = ['', ' ', '\t', '\r', '\n', '\0', '\ufeff', '\u2028', '\ud800'];

  it.each(Object.entries(programs))('has a verdict on %s, whatever it is', async (language, [right, wrong]) => {
    const piece = fc.oneof(
      fc.constantFrom(...openings, ...blanks),
      fc.nat({ max: right.length }).map((length) => right.slice(0, length)),
      fc.nat({ max: wrong.length }).map((start) => wrong.slice(start)),
      fc.string({ unit: 'grapheme' }),
    );
    const program = fc.array(
      fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join('')),
      { maxLength: 3 },
    );
    await fc.assert(
      fc.asyncProperty(program, async (texts) => {
        const verdict = await readCode(
          texts.map((text) => ({ tag: language, text })),
          language,
        );
        expect(typeof verdict === 'object' ? verdict.code : verdict).toMatch(/^(pass|unverified|code_unparsable)$/);
      }),
      { numRuns: 150 },
    );
  });

  it('is bounded by work, not by time, and goes on after hostile code', async () => {
    expect(await read('cpp', '<a>'.repeat(6_000))).toBe('unverified');
    // More than the memory of the parser's program stands, or than it may take.
    expect(await read('java', 'a<'.repeat(9_900))).toBe('unverified');
    // It breaks here; what comes after is read by another one.
    expect(await read('csharp', '%q('.repeat(6_600))).toBe('unverified');
    expect(await read('python', `x = ${'('.repeat(30_000)}`)).toBe('unverified');
    const deep = `int x = ${'('.repeat(9_000)}1${')'.repeat(9_000)};`;
    expect(await read('c', deep)).toBe('pass');
    expect(await read('rust', '\0\ud800 r#"'.repeat(2_000))).toMatchObject({ code: 'code_unparsable' });
    expect(await read('python', 'def f(a):\n    return a')).toBe('pass');
  });
});
