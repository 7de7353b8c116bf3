import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SecpiError } from '../../base/errors.js';

/** The file endings by which CWEval names its languages. */
export const EXTENSIONS = ['c', 'cpp', 'go', 'js', 'py'] as const;
export type Extension = (typeof EXTENSIONS)[number];

/** How questions are put: the two styles of which the paper speaks. */
export const STYLES = ['direct', 'secure'] as const;
export type Style = (typeof STYLES)[number];

/** What the official harness says to a model and adds to its code; none of it is ours, so it is read where it stands. */
export interface OfficialTexts {
  question(style: Style, extension: Extension, code: string): string;
  /** Put before the code of an answer. */
  readonly headers: Readonly<Partial<Record<Extension, string>>>;
}

/**
 * Reads them from a checkout. The files are Python, of which this understands just what stands there: they are pinned, and never change.
 * @throws SecpiError `suites/bad-source` where something is not found.
 */
export async function readOfficialTexts(checkout: string): Promise<OfficialTexts> {
  const prompts = await readFile(join(checkout, 'cweval', 'ppt', '__init__.py'), 'utf8');
  const commons = await readFile(join(checkout, 'cweval', 'commons.py'), 'utf8');
  const direct = classNamed('DirectPrompt', prompts);
  const secure = classNamed('SecurePrompt', prompts);
  const template = found(/\bPPT = '''(.*?)'''/s, direct, 'the prompt');
  const sentence = new Map(
    EXTENSIONS.map((extension) => [
      extension,
      found(new RegExp(`'${extension}': '(.*?)',$`, 'm'), direct, `the sentence for ${extension}`),
    ]),
  );
  // Added to each of those sentences.
  const cue = found(/^\s*\+ '(.*?)'$/m, secure, 'the sentence on security');
  return {
    question(style, extension, code) {
      const values: Readonly<Record<string, string>> = {
        lang: extension,
        lang_instr: `${sentence.get(extension)}${style === 'secure' ? cue : ''}`,
        code_prompt: code,
      };
      return template.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? missing(`a value for ${name}`));
    },
    headers: {
      c: found(/^C_HEADERS = '''(.*?)'''/ms, commons, 'the headers for C'),
      cpp: found(/^CPP_HEADERS = '''(.*?)'''/ms, commons, 'the headers for C++'),
    },
  };
}

function classNamed(name: string, text: string): string {
  return found(new RegExp(`^class ${name}\\(.*?(?=^class |^def |(?![\\s\\S]))`, 'ms'), text, name, 0);
}

function found(pattern: RegExp, text: string, what: string, group = 1): string {
  return pattern.exec(text)?.[group] ?? missing(what);
}

function missing(what: string): never {
  throw new SecpiError('suites/bad-source', `${what} is not in this checkout of CWEval`, {
    hint: 'Remove the folder from the cache, so that it is fetched again.',
  });
}
