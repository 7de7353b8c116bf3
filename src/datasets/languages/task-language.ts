import { codeLanguage } from './code-language.js';
import { normaliseLanguage } from './language-names.js';
import { mentionedLanguages } from './mentioned-language.js';

/** What may tell the language of a task. */
export interface LanguageEvidence {
  /** As the dataset says. */
  readonly written?: string | undefined;
  readonly prompt: string;
  /** An answer to it. */
  readonly answer?: string | undefined;
}

/**
 * The language of a task: as the dataset says; else the only one that it names in its own words; else that of the code in it, unless it names
 * several; else that of the answer's code. `unknown` when nothing tells.
 */
export function taskLanguage({ written = '', prompt, answer = '' }: LanguageEvidence): string {
  if (written.trim() !== '') return normaliseLanguage(written);
  const [named, ...others] = mentionedLanguages(prompt);
  if (named !== undefined && others.length === 0) return named;
  return (named === undefined ? codeLanguage(prompt) : undefined) ?? codeLanguage(answer) ?? 'unknown';
}
