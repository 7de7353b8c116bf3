import { posix } from 'node:path';
import type { Submission } from '../suite.js';
import type { Task } from './tasks.js';

/** White space as Python sees it. */
const SPACE = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
/** Ends of lines as Python sees them: JavaScript knows more of them. */
const [BEGIN, END] = ['(?<![^\\n])', '(?![^\\n])'];

const FENCED = /```(?!bash)[\p{L}\p{N}_]+\n([\s\S]*?)\n```/gu;
const TAGGED = /<CODE>([\s\S]+?)<\/CODE>/g;
const PATHS = [/<FILEPATH>([\s\S]+?)<\/FILEPATH>/g, new RegExp(`${BEGIN}###${SPACE}*([\\s\\S]+?)${END}`, 'g')];

/**
 * The files of an answer by BaxBench's own rule, mirrored from its parser and compared with it: a block that is fenced, has a
 * language other than bash, and ends with a fence at the beginning of a line; else what stands between `<CODE>` tags. Of a task with one file the
 * first counts. Of others there are as many paths, in `<FILEPATH>` tags or in headings, as there are blocks. `null` where that does not come out.
 */
export function answerFiles({ code_file }: Pick<Task, 'code_file'>, answer: string): Submission | null {
  const fenced = all(FENCED, answer);
  const tagged = all(TAGGED, answer);
  if (code_file !== null) {
    const code = fenced[0] ?? tagged[0];
    return code === undefined ? null : { [code_file]: stored(code) };
  }
  for (const pattern of PATHS) {
    const paths = all(pattern, answer);
    if (paths.length === 0) continue;
    if (paths.length === fenced.length) return filesOf(paths, fenced);
    if (paths.length === tagged.length) {
      const codes = tagged.map((code) => all(FENCED, code)[0] ?? code);
      return filesOf(paths, codes);
    }
  }
  return null;
}

/** What is found, without white space and asterisks around it. */
function all(pattern: RegExp, text: string): readonly string[] {
  return [...text.matchAll(pattern)].map((match) => cleaned(match[1] ?? ''));
}

function cleaned(text: string): string {
  const bare = stripped(text).replace(/^\*\*/, '');
  return stripped(bare.replace(/\*\*$/, ''));
}

function stripped(text: string): string {
  return text.replace(LEADING, '').replace(TRAILING, '');
}
const LEADING = new RegExp(`^${SPACE}+`);
const TRAILING = new RegExp(`(?<!${SPACE})${SPACE}+$`);

/** The harness writes code to files, and reads them with line ends of one kind. */
function stored(code: string): string {
  return code.replace(/\r\n?/g, '\n');
}

/**
 * By their paths, the later of equal ones. Paths that leave the folder are left out: the harness writes there on the machine itself, and the app has
 * no such file.
 */
function filesOf(paths: readonly string[], codes: readonly string[]): Submission | null {
  const files = paths.map((path, index) => [posix.normalize(path), stored(codes[index] ?? '')] as const);
  const inside = files.filter(([path]) => !posix.isAbsolute(path) && path !== '.' && !/^\.\.(\/|$)/.test(path));
  return inside.length === 0 ? null : Object.fromEntries(inside);
}
