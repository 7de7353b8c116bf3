import { readdir, readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { Problem, Submission, Suite } from '../../../suites/suite.js';
import { type Placed, wrong } from './placed.js';

/** Where BaxBench's harness lays the files of an answer. */
const CODE_FILE = /([^/]+)\/([^/]+)\/([^/]+)\/(temp[^/]+)\/sample(\d+)\/code\/(.+)$/;

/** What it writes there instead where it finds no code in an answer. */
const UNPARSED = { name: 'failed', before: 'Format not found. Full response:\n' };

/** A folder with the files of one answer. */
interface CodeFolder {
  readonly folder: string;
  readonly model: string;
  readonly scenario: string;
  readonly env: string;
  /** Temperature, kind of specification and safety prompt, as the harness names them. */
  readonly setting: string;
  readonly sample: number;
  readonly paths: string[];
}

/**
 * The folders `<model>/<scenario>/<environment>/temp…/sample<n>/code` at or below a folder, which BaxBench's harness makes in its `results`. Links are
 * passed over: they may lead anywhere.
 */
export async function codeFoldersIn(path: string): Promise<readonly CodeFolder[]> {
  const found = new Map<string, CodeFolder>();
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const [, model = '', scenario = '', env = '', setting = '', sample = '', inside] = CODE_FILE.exec(file) ?? [];
    if (inside === undefined) continue;
    const folder = file.slice(0, -inside.length - 1);
    const known = found.get(folder);
    if (known === undefined)
      found.set(folder, { folder, model, scenario, env, setting, sample: Number(sample), paths: [inside] });
    else known.paths.push(inside);
  }
  return [...found.values()].sort((one, other) => (one.folder < other.folder ? -1 : 1));
}

/** The samples in them, a variant for each model and setting. What the harness found in them is not read. */
export async function* codeFolderSamples(folders: readonly CodeFolder[], suite: Suite): AsyncIterable<Placed> {
  const problems = new Map(suite.problems.map((problem) => [nameInPath(problem.id), problem]));
  for (const { folder, model, scenario, env, setting, sample, paths } of folders) {
    const at = { file: folder, line: 1, column: 1 };
    const problem = problems.get(nameInPath(`${scenario}/${env}`));
    if (problem === undefined) throw wrong('score/unknown-problem', at, `${suite.name} has no ${scenario} in ${env}`);
    const files = await textsIn(folder, paths);
    const unparsed = paths.length === 1 ? files[UNPARSED.name] : undefined;
    yield {
      at,
      problem,
      variant: `${model}-${setting}`.replaceAll(/[^A-Za-z0-9._-]/g, '-').slice(0, 80),
      sample,
      messages: [],
      finish: 'unknown',
      reasoning: null,
      refused: false,
      tokens: { input: 0, output: 0 },
      ...(unparsed === undefined
        ? { answer: '', submission: filesOf(suite, problem, files, at) }
        : { answer: unparsed.replace(UNPARSED.before, '') }),
    };
  }
}

/** As the harness escapes names in paths; where a name has a slash, this is all that can be compared. */
function nameInPath(id: string): string {
  return id.replaceAll('/', '-');
}

/** What is no text is left out, as the harness does. */
async function textsIn(folder: string, paths: readonly string[]): Promise<Readonly<Record<string, string>>> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const texts: Record<string, string> = {};
  for (const path of [...paths].sort()) {
    const bytes = await readFile(join(folder, path));
    try {
      texts[posix.normalize(path)] = decoder.decode(bytes);
    } catch {
      // The harness cannot read it, and goes on without it.
    }
  }
  return texts;
}

function filesOf(suite: Suite, problem: Problem, files: Submission, at: Placed['at']): Submission {
  if (suite.fromFiles === undefined)
    throw wrong(
      'score/bad-row',
      at,
      `holds files, and ${suite.name} takes answers`,
      'Give rows with `problem` and `answer`.',
    );
  return suite.fromFiles(problem, files);
}
