import { normaliseLanguage } from '../../../datasets/languages/language-names.js';
import type { FencedBlock } from '../../../suites/answers/fenced-blocks.js';
import { LONGEST_CODE } from '../code-of.js';
import type { Verdict } from '../filters/filter.js';
import { type Grammar, grammarsOf, isParsed, type Mistake, type ParsedLanguage } from './grammars.js';

/** Words of C++ that are names in C, as in `int new`. */
const NAMES_IN_C =
  /\b(?:and|bool|catch|class|delete|explicit|export|false|friend|mutable|namespace|new|not|operator|or|private|protected|public|template|this|throw|true|try|typename|using|virtual|xor)\b/g;

/** A line that stands for code that is left out: `...`, `# ... rest of the file`, `// …`. */
const LEFT_OUT = /^[ \t]{0,200}(?:#|\/\/|\/\*|--)?[ \t]{0,20}(?:\.{3}|…)/m;

/** What may stand around a part of a program, such as the methods of a class. */
const AROUND: Partial<Readonly<Record<ParsedLanguage, readonly (readonly [string, string])[]>>> = {
  cpp: [['class X {\n', '\n};']],
  csharp: [['class X {\n', '\n}']],
  java: [['class X {\n', '\n}']],
  javascript: [
    ['class X {\n', '\n}'],
    ['(', '\n)'],
  ],
  php: [['class X {\n', '\n}']],
  typescript: [['class X {\n', '\n}']],
};

/**
 * Whether the program of an answer can be parsed: the blocks that say they are in the task's language, or else the last one. A block that is a part
 * counts as right if it is one with something around it, or together with the others. `unverified`: there is no grammar, code is
 * left out (`...`), or it was more than the parser takes.
 */
export async function readCode(blocks: readonly FencedBlock[], language: string): Promise<Verdict> {
  const own = blocks.filter(({ tag }) => tag !== '' && normaliseLanguage(tag) === language);
  const last = blocks.at(-1);
  const program = own.length > 0 || last === undefined ? own : last.tag === '' ? [last] : [];
  if (!isParsed(language) || program.length === 0) return 'unverified';
  const grammars = await grammarsOf(language);
  const mistakes = program.map(({ text }) => mistakeIn(text, language, grammars));
  const wrong = mistakes.findIndex((mistake) => typeof mistake === 'object');
  if (wrong === -1) return mistakes.includes('none') && !mistakes.includes('unknown') ? 'pass' : 'unverified';
  const whole = program.map(({ text }) => text).join('\n');
  if (program.length > 1 && mistakeIn(whole, language, grammars) === 'none') return 'pass';
  const { line } = mistakes[wrong] as { line: number };
  const text = program[wrong]?.text.split('\n')[line - 1]?.trim().slice(0, 80) ?? '';
  return { code: 'code_unparsable', detail: `${language}, block ${wrong + 1}, line ${line}: ${text}` };
}

/** `unknown` also where code is left out: nobody can tell what would stand there. */
function mistakeIn(text: string, language: ParsedLanguage, grammars: readonly Grammar[]): Mistake {
  if (text.length > LONGEST_CODE) return 'unknown';
  let first: Mistake | undefined;
  // A PHP file with its own opening tag is no part of one.
  const around = language === 'php' && text.includes('<?') ? [] : (AROUND[language] ?? []);
  for (const [before, after] of [['', ''], ...around] as const) {
    for (const grammar of grammars) {
      const mistake = grammar.firstMistake(prepared(`${before}${text}${after}`, language));
      if (mistake === 'none') return mistake;
      first ??= mistake;
    }
  }
  return LEFT_OUT.test(text) ? 'unknown' : (first ?? 'unknown');
}

function prepared(text: string, language: ParsedLanguage): string {
  // The grammar does not stand a blank behind `#include <stdio.h>`.
  if (language === 'cpp') return text.replaceAll(/(?<![ \t])[ \t]+$/gm, '');
  if (language === 'c') return prepared(text, 'cpp').replaceAll(NAMES_IN_C, 'c_$&');
  if (language === 'php' && !text.includes('<?')) return `<?php ${text}`;
  return language === 'python' ? unindented(text) : text;
}

/** A part of a Python program stands as far to the left as it can. */
function unindented(text: string): string {
  const lines = text.split('\n');
  const indents = lines.filter((line) => line.trim() !== '').map((line) => /^[ \t]*/.exec(line)?.[0] ?? '');
  const [first = '', ...others] = indents;
  const shared = others.reduce(
    (one, other) => (other.startsWith(one) ? one : one.startsWith(other) ? other : ''),
    first,
  );
  return lines.map((line) => (line.startsWith(shared) ? line.slice(shared.length) : line)).join('\n');
}
