import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { messageOf, SecpiError } from '../../base/errors.js';
import type { Measure, Problem } from '../suite.js';
import { extensionsOf, type ProblemFile, parseProblemFile } from './problem-file.js';

/** A problem of a folder with its reference solutions. */
export interface FilesProblem extends Problem {
  readonly title: string;
  readonly file: ProblemFile;
  readonly entry: string;
  readonly support: readonly { readonly name: string; readonly content: string }[];
  /** A solution that passes everything. */
  readonly secure: string;
  /** A solution that works and is not secure; empty in a suite without security tests. */
  readonly insecure: string;
  /** Others like it, by name: typical wrong repairs. */
  readonly halfFixes: Readonly<Record<string, string>>;
}

/**
 * Loads one problem, whose folder is called like it.
 * @throws SecpiError `suites/bad-problem` for one that is incomplete, does not fit the format, or holds code that nothing uses.
 */
export async function loadProblem(folder: string, name: string, measures: readonly Measure[]): Promise<FilesProblem> {
  const bad = (message: string, hint?: string) =>
    new SecpiError('suites/bad-problem', `problem ${name}: ${message}`, {
      ...(hint === undefined ? {} : { hint }),
      exitCode: 2,
    });
  const read = (file: string) =>
    readFile(join(folder, file), 'utf8').catch((error: unknown) => {
      throw bad(`cannot read ${file}: ${messageOf(error)}`);
    });
  const file = parseProblemFile(join(folder, 'problem.yaml'), await read('problem.yaml'), measures);
  if (file.id !== name) throw bad(`its id is ${file.id}, but a folder is named after its id`);

  const extension = extname(file.solution);
  const code = (await readdir(folder)).filter((one) => extname(one) === extensionsOf[file.language]).sort();
  const security = measures.includes('security');
  const wrong = security ? code.filter((one) => /^half-fix[a-z0-9-]*\./.test(one)) : [];
  const unsafe = `insecure${extension}`;
  const used = [file.entry, ...file.support, `secure${extension}`, ...(security ? [unsafe] : []), ...wrong];
  const stray = code.find((one) => !used.includes(one));
  if (stray !== undefined)
    throw bad(
      `nothing uses ${stray}`,
      security
        ? `Wrong repairs are called half-fix-WHAT${extension}; other files of the program are listed under \`support\`.`
        : 'The solution of a suite without security tests is called `secure`; other files of the program are listed under `support`.',
    );

  const [entry, support, secure, insecure, ...halfFixes] = await Promise.all([
    read(file.entry),
    Promise.all(file.support.map(async (one) => ({ name: one, content: await read(one) }))),
    read(`secure${extension}`),
    security ? read(unsafe) : '',
    ...wrong.map(async (one) => [one.slice(0, -extension.length), await read(one)] as const),
  ]);
  return {
    id: file.id,
    title: file.title,
    language: file.language,
    cwes: file.cwes,
    groups: file.groups,
    prompt: file.prompt.trim(),
    file,
    entry,
    support,
    secure,
    insecure,
    halfFixes: Object.fromEntries(halfFixes),
  };
}
