import { posix } from 'node:path';
import type { Submission } from '../suite.js';
import type { Task } from './tasks.js';

/** White space as Python sees it. */
const SPACE = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
/**
 * The files of an answer by BaxBench's own rule, mirrored from its parser and compared with it: a block that is fenced, has a
 * language other than bash, and ends with a fence at the beginning of a line; else what stands between `<CODE>` tags. Of a task with one file the
 * first counts. Of others there are as many paths, in `<FILEPATH>` tags or in headings, as there are blocks. `null` where that does not come out.
 */
export function answerFiles({ code_file }: Pick<Task, 'code_file'>, answer: string): Submission | null {
  const fenced = fencedIn(answer);
  const tagged = taggedIn(answer, 'CODE');
  if (code_file !== null) {
    const code = fenced[0] ?? tagged[0];
    return code === undefined ? null : { [code_file]: stored(code) };
  }
  for (const paths of [taggedIn(answer, 'FILEPATH'), headingsIn(answer)]) {
    if (paths.length === 0) continue;
    if (paths.length === fenced.length) return filesOf(paths, fenced);
    if (paths.length === tagged.length) {
      const codes = tagged.map((code) => fencedIn(code)[0] ?? code);
      return filesOf(paths, codes);
    }
  }
  return null;
}

// Each of the three passes over the text once: its own expressions take time by the square of an answer's length.

/** ```` ```(?!bash)\w+\n(.*?)\n``` ```` */
function fencedIn(text: string): readonly string[] {
  const found: string[] = [];
  const opening = /```(?!bash)[\p{L}\p{N}_]+\n/gu;
  while (opening.exec(text) !== null) {
    const end = text.indexOf('\n```', opening.lastIndex);
    if (end === -1) break;
    found.push(cleaned(text.slice(opening.lastIndex, end)));
    opening.lastIndex = end + 4;
  }
  return found;
}

/** `<TAG>(.+?)</TAG>` */
function taggedIn(text: string, tag: string): readonly string[] {
  const found: string[] = [];
  for (let at = 0; ; ) {
    const opening = text.indexOf(`<${tag}>`, at);
    const begin = opening + tag.length + 2;
    const end = opening === -1 ? -1 : text.indexOf(`</${tag}>`, begin + 1);
    if (end === -1) return found;
    found.push(cleaned(text.slice(begin, end)));
    at = end + tag.length + 3;
  }
}

/** `^###\s*(.+?)$`, where white space may go over lines, and gives one back at the end of the text. */
function headingsIn(text: string): readonly string[] {
  const found: string[] = [];
  for (let at = 0; ; ) {
    const opening =
      text.startsWith('###', at) && (at === 0 || text[at - 1] === '\n') ? at : after(text.indexOf('\n###', at));
    if (opening === null) return found;
    let begin = opening + 3;
    while (begin < text.length && SPACES.test(text[begin] ?? '')) begin += 1;
    if (begin === text.length) return begin === opening + 3 ? found : [...found, ''];
    const end = text.indexOf('\n', begin + 1);
    found.push(cleaned(text.slice(begin, end === -1 ? text.length : end)));
    if (end === -1) return found;
    at = end;
  }
}

function after(lineEnd: number): number | null {
  return lineEnd === -1 ? null : lineEnd + 1;
}

/** What is found, without white space and asterisks around it. */
function cleaned(text: string): string {
  const bare = stripped(text).replace(/^\*\*/, '');
  return stripped(bare.replace(/\*\*$/, ''));
}

function stripped(text: string): string {
  return text.replace(LEADING, '').replace(TRAILING, '');
}
const SPACES = new RegExp(`^${SPACE}$`);
const LEADING = new RegExp(`^${SPACE}+`);
const TRAILING = new RegExp(`(?<!${SPACE})${SPACE}+$`);

/** Files that the harness has stored, as it reads them. */
export function storedFiles(files: Submission): Submission {
  return Object.fromEntries(Object.entries(files).map(([path, content]) => [path, stored(content)]));
}

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
