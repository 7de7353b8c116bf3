import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Placed, ProblemNamed } from './placed.js';
import { rawSample } from './raw-text.js';

/** `<problem>/<n>.txt`: the answers as they came. A folder without such a file is none of a problem. */
export async function* plainSamples(folder: string, problemNamed: ProblemNamed): AsyncIterable<Placed> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  for (const name of names.sort()) {
    const within = join(folder, name);
    const numbers = (await readdir(within)).flatMap((file) => /^(\d+)\.txt$/.exec(file)?.[1] ?? []);
    for (const number of numbers.sort((a, b) => Number(a) - Number(b))) {
      const file = join(within, `${number}.txt`);
      yield rawSample(file, problemNamed(name, { file, line: 1, column: 1 }), Number(number));
    }
  }
}
