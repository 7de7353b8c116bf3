import { join } from 'node:path';
import { packageRoot } from '../../src/base/package-root.js';
import type { Sandbox } from '../../src/sandbox/sandbox.js';
import { benchOf } from '../../src/suites/bench.js';
import { type FilesSuite, loadFolder } from '../../src/suites/files/files-suite.js';
import type { Judgement, Problem, Suite } from '../../src/suites/suite.js';

/** Where the problems of `mini` stand. */
const miniFolder = join(packageRoot, 'src', 'suites', 'mini', 'problems');

/** The built-in suite, or a copy of it elsewhere. */
export function loadMini(folder = miniFolder): Promise<FilesSuite> {
  return loadFolder('mini', folder);
}

/** What an evaluation makes of an answer: its code is found and judged; `null` where there is none. */
export async function judged(
  suite: Suite,
  problem: Problem,
  answer: string,
  sandbox: Sandbox,
  signal: AbortSignal,
): Promise<Judgement | null> {
  const submission = suite.extract(problem, answer);
  return submission === null ? null : suite.judge(problem, submission, benchOf(sandbox), signal);
}
