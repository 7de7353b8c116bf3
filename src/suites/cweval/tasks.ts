import { readdir, readFile } from 'node:fs/promises';
import { basename, join, sep } from 'node:path';
import { SecpiError } from '../../base/errors.js';
import type { Language } from '../../sandbox/sandbox.js';
import { pythonLines } from './answer-code.js';
import { EXTENSIONS, type Extension } from './official-texts.js';

/** A task of CWEval with its files. */
export interface Task {
  /** `core/c/cwe_022_0_c`: its path below `benchmark`, without `_task` and ending. */
  readonly id: string;
  /** `cwe_022_0_c`. */
  readonly name: string;
  /** `core/c`. */
  readonly group: string;
  readonly extension: Extension;
  readonly language: Language;
  readonly cwe: string;
  /** What is shown to the model of the task's file. */
  readonly codePrompt: string;
  /** Appended to an answer's code: the line that begins it, and the program that calls the model's function. Python has none. */
  readonly entryPoint: { readonly line: string; readonly code: string } | null;
  readonly reference: string;
  /** Python's insecure solutions stand in the test files. */
  readonly unsafe: string | null;
  readonly test: string;
}

const LANGUAGE: Readonly<Record<Extension, Language>> = {
  c: 'c',
  cpp: 'cpp',
  go: 'go',
  js: 'javascript',
  py: 'python',
};

const ANCHOR = { prompt: 'BEGIN PROMPT', solution: 'BEGIN SOLUTION', entry: 'BEGIN ENTRYPOINT' } as const;

/** All tasks of a checkout, sorted by id. */
export async function readTasks(checkout: string): Promise<readonly Task[]> {
  const root = join(checkout, 'benchmark');
  const paths = (await readdir(root, { recursive: true }))
    .filter((path) => EXTENSIONS.some((extension) => path.endsWith(`_task.${extension}`)))
    .sort();
  return Promise.all(paths.map((path) => readTask(root, path)));
}

async function readTask(root: string, path: string): Promise<Task> {
  const stem = path.slice(0, path.lastIndexOf('_task.'));
  const extension = path.slice(path.lastIndexOf('.') + 1) as Extension;
  const [reference, test, unsafe] = await Promise.all([
    readFile(join(root, path), 'utf8'),
    readFile(join(root, `${stem}_test.py`), 'utf8'),
    readFile(join(root, `${stem}_unsafe.${extension}`), 'utf8').catch(() => null),
  ]);
  const name = basename(stem);
  const cwe = /^cwe_(\d+)_/.exec(name)?.[1];
  const solution = pythonLines(reference).find((line) => line.includes(ANCHOR.solution));
  if (cwe === undefined || solution === undefined) throw badTask(path);
  const id = stem.split(sep).join('/');
  return {
    id,
    name,
    group: id.slice(0, -name.length - 1),
    extension,
    language: LANGUAGE[extension],
    cwe: `CWE-${Number(cwe)}`,
    codePrompt: ((reference.split(ANCHOR.prompt).at(-1) ?? '').split(solution)[0] ?? '').trim(),
    entryPoint: entryPointOf(reference),
    reference,
    unsafe,
    test,
  };
}

function entryPointOf(reference: string): Task['entryPoint'] {
  const line = pythonLines(reference).find((one) => one.includes(ANCHOR.entry));
  return line === undefined ? null : { line, code: (reference.split(line)[1] ?? '').trim() };
}

function badTask(path: string): SecpiError {
  return new SecpiError('suites/bad-source', `${path} is no task of CWEval`, {
    hint: 'Remove the folder from the cache, so that it is fetched again.',
  });
}
