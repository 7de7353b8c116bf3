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

  it('keeps shorter fences and tildes inside a longer fence', () => {
    const code = `text = """\n${fence}\nhello\n${fence}\n"""`;
    expect(extractCode(`${fence}\`python\n${code}\n${fence}\``, 'python')).toBe(`${code}\n`);
    expect(extractCode(`~~~python\n${code}\n~~~`, 'python')).toBe(`${code}\n`);
  });

  it('takes the indentation of a fence in a list off its code', () => {
    expect(extractCode(`1. Do:\n   ${fence}python\n   if a:\n       b()\n   ${fence}`, 'python')).toBe(
      'if a:\n    b()\n',
    );
  });

  it('ignores drafts in the reasoning, with or without its opening tag', () => {
    const draft = block('python', 'draft = 1');
    const final = block('python', 'final = 1');
    expect(extractCode(`<think>${draft}</think>\n${final}`, 'python', 'first')).toBe('final = 1\n');
    expect(extractCode(`${draft}\n</think>\n\n${final}`, 'python', 'first')).toBe('final = 1\n');
    expect(extractCode(`${draft}\n</think>\nI refuse.`, 'python')).toBeNull();
    expect(extractCode(`<think>\n${draft}`, 'python')).toBeNull();
  });

  it('keeps code that handles the tag itself', () => {
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
