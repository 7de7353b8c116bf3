import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Placed, ProblemNamed } from './placed.js';
import { rawSample } from './raw-text.js';

/**
 * What CWEval's harness leaves of a run: `generated_<n>/{core,lang}/<language>/<problem>_raw.<extension>`, the answers as they came. What it
 * made of them lies beside and is passed over. A problem is called by its path, or by the last part of that.
 */
export async function* generatedSamples(folder: string, problemNamed: ProblemNamed): AsyncIterable<Placed> {
  const numbers = (await readdir(folder)).flatMap((name) => /^generated_(\d+)$/.exec(name)?.[1] ?? []);
  for (const number of numbers.sort(byNumber)) {
    const within = join(folder, `generated_${number}`);
    for (const path of (await readdir(within, { recursive: true })).sort()) {
      const problem = /^(.+)_raw\.[^./]+$/.exec(path)?.[1];
      if (problem === undefined) continue;
      const file = join(within, path);
      const names = [problem, basename(problem)] as const;
      yield rawSample(file, problemNamed(names, { file, line: 1, column: 1 }), Number(number));
    }
  }
}

function byNumber(one: string, other: string): number {
  return Number(one) - Number(other);
}
