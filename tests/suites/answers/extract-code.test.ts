import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LANGUAGES } from '../../../src/sandbox/sandbox.js';
import { extractCode } from '../../../src/suites/answers/extract-code.js';

const fence = '```';
const block = (tag: string, code: string) => `${fence}${tag}\n${code}\n${fence}`;

describe('extractCode', () => {
  it('takes the last block, or the first when asked', () => {
    const answer = `A draft:\n${block('python', 'a = 1')}\nBetter:\n${block('python', 'a = 2')}\nDone.`;
    expect(extractCode(answer, 'python')).toBe('a = 2\n');
    expect(extractCode(answer, 'python', 'first')).toBe('a = 1\n');
  });

  it('prefers a block of the language over a later one of another tag, and an untagged one over a foreign one', () => {
    const usage = block('bash', 'gcc solution.c');
    expect(extractCode(`${block('c', 'int a;')}\n${usage}`, 'c')).toBe('int a;\n');
    expect(extractCode(`${block('', 'int a;')}\n${usage}`, 'c')).toBe('int a;\n');
    expect(extractCode(usage, 'c')).toBe('gcc solution.c\n');
  });

  it.each([
    ['python', 'Py'],
    ['python', 'python3 title="solution.py"'],
    ['python', 'python:solution.py'],
    ['python', '{.python .numberLines}'],
    ['javascript', 'mjs'],
    ['cpp', 'C++'],
    ['go', 'golang'],
  ] as const)('knows that %s is also written as "%s"', (language, tag) => {
    expect(extractCode(`${block(tag, 'right')}\n${block('text', 'wrong')}`, language)).toBe('right\n');
  });

  it('accepts a fence that is never closed', () => {
    expect(extractCode(`Here:\n${fence}go\npackage main\n`, 'go')).toBe('package main\n');
  });

  it('skips blocks without text and answers without blocks', () => {
    expect(extractCode(`${block('python', 'a = 1')}\n${block('python', '  ')}`, 'python')).toBe('a = 1\n');
    expect(extractCode(`${fence}python\n`, 'python')).toBeNull();
    expect(extractCode('Use a parameter.', 'python')).toBeNull();
    expect(extractCode(`Write ${fence}a = 1${fence} in a line.`, 'python')).toBeNull();
    expect(extractCode('', 'python')).toBeNull();
  });

  it('reads blank lines without end in time', () => {
    // A tenth of a second; what is quadratic would take an hour.
    const blank = '\n'.repeat(1_000_000);
    expect(extractCode(`${fence}python\na = 1${blank}b = 2${blank}${fence}`, 'python')).toBe(`a = 1${blank}b = 2\n`);
  });

  it('keeps shorter fences and tildes inside a longer fence', () => {
    const code = `text = """\n${fence}\nhello\n${fence}\n"""`;
    expect(extractCode(`${fence}\`python\n${code}\n${fence}\``, 'python')).toBe(`${code}\n`);
    expect(extractCode(`~~~python\n${code}\n~~~`, 'python')).toBe(`${code}\n`);
  });

  it('takes the indentation of a fence in a list off its code, also where the fence follows the marker', () => {
    const code = 'if a:\n    b()\n';
    expect(extractCode(`1. Do:\n   ${fence}python\n   if a:\n       b()\n   ${fence}`, 'python')).toBe(code);
    expect(extractCode(`1. ${fence}python\n   if a:\n       b()\n   ${fence}\nDone.`, 'python')).toBe(code);
    expect(extractCode(`-\t${fence}python\n\tif a:\n\t    b()\n\t${fence}`, 'python')).toBe(code);
  });

  it('leaves a fence in an indented docstring alone, and ends at one that is indented as much as it may be', () => {
    const code = `def half(n):\n    """Halve it.\n\n    ${fence}\n    half(4)\n    ${fence}\n    """\n    return n // 2`;
    expect(extractCode(`${block('python', code)}\nDone.`, 'python')).toBe(`${code}\n`);
    const listed = `2. Do:\n   ${fence}python\n${code.replace(/^/gm, '   ')}\n   ${fence}\n   Done.`;
    expect(extractCode(listed, 'python')?.replace(/^ +$/gm, '')).toBe(`${code}\n`);
    expect(extractCode(`${fence}python\na = 1\n   ${fence}\nDone.`, 'python')).toBe('a = 1\n');
  });

  it('takes the longest when asked', () => {
    const answer = `${block('c', 'int a;')}\n${block('c', 'int abc;')}\n${block('c', 'int b;')}`;
    expect(extractCode(answer, 'c', 'longest')).toBe('int abc;\n');
  });

  const definitions = [
    ['python', 'half', 'def half(n):\n    return n // 2', 'n = 4\nprint(half(n))'],
    ['python', 'half', 'half = lambda n: n // 2', 'assert half(4) == 2'],
    ['javascript', 'half', 'export function half(n) {\n  return n / 2;\n}', 'const n = half(4);\nconsole.log(n);'],
    ['javascript', 'half', 'export const half = async (n) => n / 2;', "import { half } from './half.mjs';\nhalf(4);"],
    [
      'c',
      'half',
      'static inline int *half(int n,\n  int m)\n{\n  return 0;\n}',
      'int half(int);\nint main(void) {\n  if (half(4)) {\n  }\n}',
    ],
    ['cpp', 'half', 'std::vector<int>& half(const std::string& n) noexcept {\n}', 'int main() {\n  half("4");\n}'],
    ['go', 'half', 'package main\n\nfunc half(n int) (int, error) {\n}', 'func main() {\n\thalf(4)\n}'],
  ] as const;

  it.each(definitions)('takes the %s block that defines %s over a usage example: %s', (language, name, code, usage) => {
    const answer = `${block(language, code)}\nUse it so:\n${block(language, usage)}`;
    expect(extractCode(answer, language, 'definition', new Set([name]))).toBe(`${code}\n`);
    expect(extractCode(answer, language, 'last', new Set([name]))).toBe(`${usage}\n`);
  });

  it('takes the last definition, the one of the most wanted functions, and the last block where nothing is defined', () => {
    const wanted = new Set(['save', 'load']);
    const both = 'def save(a):\n    pass\n\ndef load(b):\n    pass';
    const take = (...codes: string[]) =>
      extractCode(codes.map((code) => block('python', code)).join('\n'), 'python', 'definition', wanted);
    expect(take('def save(a): 1', 'def save(a): 2', 'save(1)')).toBe('def save(a): 2\n');
    expect(take(both, 'def load(b):\n    pass')).toBe(`${both}\n`);
    expect(take('a = 1', 'b = 2')).toBe('b = 2\n');
    const untagged = `${block('', both)}\n${block('python', 'save(1)')}`;
    expect(extractCode(untagged, 'python', 'definition', wanted)).toBe(`${both}\n`);
  });

  it.each(definitions)('takes an answer whole that is %s code and nothing else (%s)', (language, name, code, usage) => {
    expect(extractCode(`\n${code}\n\n`, language)).toBe(`${code}\n`);
    expect(extractCode(code, language, 'definition', new Set([name]))).toBe(`${code}\n`);
    expect(extractCode(code, language, 'definition', new Set(['other']))).toBeNull();
    expect(extractCode(`It is ${name} of n.`, language, 'definition', new Set([name]))).toBeNull();
    expect(extractCode(usage, language, 'definition', new Set([name]))).toBeNull();
  });

  it('takes code whole whose docstring holds a fence', () => {
    const code = `def half(n):\n    """Halve.\n\n${fence}\nhalf(4)\n${fence}\n    """\n    return n // 2\n`;
    expect(extractCode(code, 'python', 'definition', new Set(['half']))).toBe(code);
  });

  it('keeps code that handles think tags', () => {
    const code = "answer = text.split('</think>')[-1]";
    expect(extractCode(block('python', code), 'python')).toBe(`${code}\n`);
  });

  it('reads Windows line ends', () => {
    expect(extractCode(`${fence}python\r\na = 1\r\nb = 2\r\n${fence}\r\n`, 'python')).toBe('a = 1\nb = 2\n');
  });

  const line = fc.string({ maxLength: 30 }).filter((text) => !/[\r\n]|`{3}|~{3}|think>/.test(text));
  const code = fc.array(line, { minLength: 1, maxLength: 8 }).filter((lines) => lines.join('').trim() !== '');
  const prose = fc.array(line, { maxLength: 4 }).map((lines) => lines.join('\n'));

  it('gives back any code that was fenced, whatever prose stands around', () => {
    fc.assert(
      fc.property(code, prose, prose, fc.boolean(), (lines, before, after, closed) => {
        const text = lines.join('\n');
        const answer = `${before}\n${fence}c\n${text}\n${closed ? `${fence}\n${after}` : ''}`;
        expect(extractCode(answer, 'c')).toBe(`${text.replace(/\n+$/, '')}\n`);
      }),
    );
  });

  it('gives back code that holds fences, when its own is longer or they are indented further', () => {
    const inner = fc.constantFrom(fence, `${fence}python`, '~~~', 'a = 1', '');
    fc.assert(
      fc.property(fc.array(inner, { maxLength: 8 }), fc.nat({ max: 6 }), fc.boolean(), (lines, indent, longer) => {
        const outer = longer ? `${fence}\`` : fence;
        const body = ['def f():', ...lines.map((text) => `    ${text}`), '    return 1'];
        const margin = ' '.repeat(indent);
        const answer = [`${outer}python`, ...body, outer].map((text) => margin + text).join('\n');
        expect(extractCode(`${answer}\nDone.`, 'python')).toBe(`${body.join('\n')}\n`);
      }),
    );
  });

  it('takes time that grows with the answer and no faster', () => {
    for (const piece of ['- ', ' ', 'f(', 'a b ', 'int f(a) ', 'const f = (', '\n', '`', 'func (', 'f(\n']) {
      for (const language of LANGUAGES) extractCode(piece.repeat(100_000), language, 'definition', new Set(['f']));
    }
  });

  it('picks by position among blocks of the language', () => {
    fc.assert(
      fc.property(fc.array(code, { minLength: 1, maxLength: 5 }), prose, (codes, between) => {
        const texts = codes.map((lines) => lines.join('\n'));
        const answer = texts.map((text) => block('go', text)).join(`\n${between}\n`);
        const ended = texts.map((text) => `${text.replace(/\n+$/, '')}\n`);
        expect(extractCode(answer, 'go', 'first')).toBe(ended[0]);
        expect(extractCode(answer, 'go', 'last')).toBe(ended.at(-1));
      }),
    );
  });

  it('never throws, and what it returns has text and stands in the answer line by line', () => {
    const pieces = fc.constantFrom(
      fence,
      `${fence}python`,
      '~~~',
      '<think>',
      '</think>',
      '\n',
      '\r\n',
      ' ',
      '`',
      'x = 1',
    );
    fc.assert(
      fc.property(
        fc.array(fc.oneof(pieces, fc.string()), { maxLength: 30 }),
        fc.constantFrom(...LANGUAGES),
        (parts, language) => {
          const answer = parts.join('');
          const found = extractCode(answer, language);
          if (found === null) return;
          expect(found.trim()).not.toBe('');
          for (const part of found.split('\n')) expect(answer).toContain(part);
        },
      ),
    );
  });
});
