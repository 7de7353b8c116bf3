import { normaliseLanguage } from '../../datasets/languages/language-names.js';
import type { FencedBlock } from '../../suites/answers/fenced-blocks.js';

/** Longest code that is parsed or analysed, in characters: some grammars take a time that grows with the square of a hostile text. */
export const LONGEST_CODE = 20_000;

/**
 * The program among the blocks of an answer: those that say they are in the task's language, or else the last one, since teachers are asked to end
 * with it. What is shown besides (how to call it, what it prints) is not the program.
 */
export function codeOf(blocks: readonly FencedBlock[], language: string): string {
  const own = blocks.filter(({ tag }) => tag !== '' && normaliseLanguage(tag) === language);
  return own.length > 0 ? own.map(({ text }) => text).join('\n') : (blocks.at(-1)?.text ?? '');
}
