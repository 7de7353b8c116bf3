import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Placed, ProblemNamed } from './placed.js';
import { rawSample } from './raw-text.js';

/** `<problem>/<n>.txt`: the answers as they came. What a problem is called may hold slashes, as a path does. */
export async function* plainSamples(folder: string, problemNamed: ProblemNamed): AsyncIterable<Placed> {
  for (const path of (await readdir(folder, { recursive: true })).sort()) {
    const [, problem, number] = /^(.+)\/(\d+)\.txt$/.exec(path) ?? [];
    if (problem === undefined) continue;
    const file = join(folder, path);
    yield rawSample(file, problemNamed([problem], { file, line: 1, column: 1 }), Number(number));
  }
}
