import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SecpiError, type SourceLocation } from '../../../base/errors.js';
import { ifThere } from '../../../base/files/if-there.js';
import { nearestName } from '../../../base/suggestion.js';
import type { Suite } from '../../../suites/suite.js';
import type { Answered } from '../sample-row.js';
import { codeFolderSamples, codeFoldersIn } from './code-folders.js';
import { codeListSamples } from './code-lists.js';
import { generatedSamples } from './generated-folder.js';
import { type Placed, type ProblemNamed, spoken, wrong } from './placed.js';
import { plainSamples } from './plain-folder.js';
import { rowSamples } from './sample-rows.js';

/**
 * Reads samples that somebody asked for, whoever it was: JSON Lines of ours (or any with `problem` and `answer`) or of EvalPlus, a folder of such, a
 * file of LiveCodeBench, the folders that the harnesses of CWEval and BaxBench make, or a folder for each problem with a text for each answer. Nothing counts unless all of it can be read.
 * @throws SecpiError `score/no-samples`, `score/bad-row`, `score/unknown-problem`, `score/sample-twice`
 */
export async function readSamples(path: string, suite: Suite): Promise<readonly Answered[]> {
  const samples: Placed[] = [];
  for await (const sample of await samplesIn(path, suite)) samples.push(sample);
  if (samples.length === 0) throw noSamples(path);
  const seen = new Map<string, SourceLocation>();
  for (const { variant, problem, sample, at } of samples) {
    const key = JSON.stringify([variant, problem.id, sample]);
    const first = seen.get(key);
    if (first !== undefined)
      throw wrong(
        'score/sample-twice',
        at,
        `sample ${sample} of ${problem.id} (${variant}) stands already in ${spoken(first)}`,
      );
    seen.set(key, at);
  }
  return samples;
}

async function samplesIn(path: string, suite: Suite): Promise<AsyncIterable<Placed>> {
  const kind = await ifThere(stat(path));
  if (kind === undefined) throw noSamples(path, 'there is no');
  const problemNamed = problemsOf(suite);
  if (!kind.isDirectory())
    return path.endsWith('.json')
      ? codeListSamples(path, suite, problemNamed)
      : rowSamples([path], suite, problemNamed);
  // What a run or an earlier scoring wrote.
  const inside = join(path, 'samples', suite.name);
  if ((await ifThere(stat(inside)))?.isDirectory()) return samplesIn(inside, suite);
  const names = (await readdir(path)).sort();
  const rows = names.filter((name) => name.endsWith('.jsonl'));
  if (rows.length > 0)
    return rowSamples(
      rows.map((name) => join(path, name)),
      suite,
      problemNamed,
    );
  if (names.some((name) => /^generated_\d+$/.test(name))) return generatedSamples(path, problemNamed);
  const folders = await codeFoldersIn(path);
  return folders.length > 0 ? codeFolderSamples(folders, suite) : plainSamples(path, problemNamed);
}

function problemsOf({ name, problems }: Suite): ProblemNamed {
  const known = new Map(problems.map((problem) => [problem.id, problem]));
  return (names, at) => {
    for (const each of names) {
      const problem = known.get(each);
      if (problem !== undefined) return problem;
    }
    const [id] = names;
    const near = nearestName(id, [...known.keys()]);
    throw wrong(
      'score/unknown-problem',
      at,
      `${name} has no problem ${JSON.stringify(id)}`,
      near === undefined ? undefined : `Did you mean "${near}"?`,
    );
  };
}

function noSamples(path: string, what = 'there are no samples in'): SecpiError {
  return new SecpiError('score/no-samples', `${what} ${path}`, {
    hint: 'Give a .jsonl file, or a folder with generated_<n>/**/<problem>_raw.<ext>, BaxBench results, or <problem>/<n>.txt.',
    exitCode: 2,
  });
}
