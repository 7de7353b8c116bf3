/** Upstream's harness, as it is, on a folder of sample sets. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Spent, spentBy } from '../harness/spent.js';

export interface Upstream {
  /** Of CWEval at the pin, with its `third_party`. */
  readonly checkout: string;
  /** A Python with `requirements/core.txt`. */
  readonly python: string;
  /** secpi's pack: the same npm packages, Go modules and goimports for both. */
  readonly pack: string;
  /** Where Go keeps what it compiles. */
  readonly goCache: string;
}

/** Verdicts of one set, by the path of a test file below the set's folder. */
export type Verdicts = ReadonlyMap<string, { readonly functional: boolean; readonly secure: boolean }>;

/** Runs all of the harness on `evals/<name>` of the checkout. `only`: the tests again, of what is compiled already. */
export async function runUpstream(
  { checkout, python, pack, goCache }: Upstream,
  name: string,
  { within, only }: { readonly within: number; readonly only?: 'run_tests' },
): Promise<Spent> {
  const step = only === undefined ? ['pipeline', '--docker', 'False'] : [only];
  return spentBy({
    argv: [
      '/bin/sh',
      '-c',
      'umask 022; exec "$@"',
      'sh',
      python,
      'cweval/evaluate.py',
      ...step,
      '--eval_path',
      join('evals', name),
      '--num_proc',
      '2',
    ],
    cwd: checkout,
    within,
    env: {
      ...process.env,
      PATH: [join(python, '..'), join(pack, 'bin'), process.env.PATH].join(':'),
      PYTHONPATH: checkout,
      NODE_PATH: join(pack, 'node', 'node_modules'),
      GOMODCACHE: join(pack, 'go', 'mod'),
      GOCACHE: goCache,
      GOFLAGS: '-modcacherw',
      GOPROXY: 'off',
      GOTOOLCHAIN: 'local',
      CGO_ENABLED: '1',
      TZ: 'UTC',
    },
  });
}

/** `res.json` of each `generated_<n>` in a folder, by n; a set without one is left out. */
export function setsIn(folder: string): ReadonlyMap<number, Verdicts> {
  const sets = new Map<number, Verdicts>();
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const number = /^generated_(\d+)$/.exec(name)?.[1];
    const file = join(folder, name, 'res.json');
    if (number === undefined || !existsSync(file)) continue;
    const results: Record<string, { functional: boolean; secure: boolean }> = JSON.parse(readFileSync(file, 'utf8'));
    const byTask = Object.entries(results).map(([path, verdicts]) => [taskOf(path), verdicts] as const);
    sets.set(Number(number), new Map(byTask));
  }
  return sets;
}

/** `res_all.json` of a folder, by the path of a test file below a set's folder. */
export function allIn(folder: string): ReadonlyMap<string, string> {
  const file = join(folder, 'res_all.json');
  const all: Record<string, unknown> = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  return new Map(Object.entries(all).map(([path, lists]) => [taskOf(path), JSON.stringify(lists)]));
}

function taskOf(path: string): string {
  return path.replace(/^.*generated_\w+\//, '').replace(/_test\.py$/, '');
}
