import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { packageRoot } from '../../src/base/package-root.js';
import { type Contender, rowsOf } from './contender.js';
import { GROUP } from './questions.js';

/** The program as users call it: reads the tasks, asks about each, parses and judges the answers, keeps everything durably. */
export const secpi: Contender = {
  name: 'secpi',

  async command({ folder, endpoint, concurrency }) {
    const asked = { model: 'bench/model', endpoint, concurrency: { start: concurrency, max: concurrency } };
    const recipe = {
      name: 'data-engine',
      models: { classifier: asked, teacher: asked, target: { model: 'bench/model', revision: 'main' } },
      collect: {
        sources: [{ file: 'tasks.jsonl', prompt: 'prompt', language: 'language', licence: 'apache-2.0' }],
        near_duplicates: false,
        decontaminate: [],
      },
      filter: { groups: [GROUP] },
      // Nothing of what follows is run; a recipe has it.
      train: { steps: 1 },
      evaluate: { suites: { mini: {} } },
    };
    await writeFile(join(folder, 'recipe.yaml'), stringify(recipe));
    return {
      argv: [process.execPath, join(packageRoot, 'bin', 'secpi.js'), 'run', 'recipe.yaml', '--until', 'filter'],
      env: { SECPI_HOME: join(folder, 'state') },
    };
  },

  async *answers({ folder }) {
    for await (const { row, reason } of rowsOf(await keptRows(join(folder, 'state'))))
      yield [Number(row) - 1, String(reason)];
  },
};

/** The file of what `filter` has kept; after an edit, in its newest result. */
async function keptRows(state: string): Promise<string> {
  const folder = join(state, 'artifacts', 'filter');
  const names = await readdir(folder).catch(() => []);
  const read = async (name: string) => JSON.parse(await readFile(join(folder, name), 'utf8')) as Artifact;
  const [newest] = (await Promise.all(names.map(read))).sort((a, b) => b.started_at.localeCompare(a.started_at));
  return join(state, 'objects', newest?.object ?? 'none', 'kept.jsonl');
}

interface Artifact {
  readonly object: string;
  readonly started_at: string;
}
