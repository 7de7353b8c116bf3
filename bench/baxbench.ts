/**
 * BaxBench by secpi beside BaxBench by its own harness:
 *
 *   npx tsx bench/baxbench.ts --checkout FOLDER --python PYTHON --work FOLDER [--cache FOLDER] [--only SCENARIO/FRAMEWORK]
 *
 * Each app of `src/suites/baxbench/apps` is judged by both, and beside them one that ends at once and one that never listens; then
 * `test_results.json` is compared file by file. `FOLDER` of `--checkout` is a clone at the pin, outside of the project; `PYTHON` has what its Pipfile
 * names. `secpi suites setup baxbench` has to have made the images of these tasks, and podman has to be there: the harness gets a service of it.
 * Apps run in containers of the harness's own making there, with a network: all of them are ours.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { packageRoot } from '../src/base/package-root.js';
import { cacheDirectory } from '../src/setup/cache-directory.js';
import { neededPath } from './harness/needed-path.js';
import { spentBy } from './harness/spent.js';
import { rounded } from './measure.js';

const { values } = parseArgs({
  options: {
    checkout: { type: 'string' },
    python: { type: 'string' },
    work: { type: 'string' },
    cache: { type: 'string', default: cacheDirectory(process.env) },
    only: { type: 'string', multiple: true },
  },
});
const [checkout, python, work] = [
  neededPath(values, 'checkout'),
  neededPath(values, 'python'),
  neededPath(values, 'work'),
];
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** A task, as folders call it. */
interface Pair {
  readonly scenario: string;
  readonly env: string;
}

const apps = join(packageRoot, 'src', 'suites', 'baxbench', 'apps');
const pairs = readdirSync(apps)
  .flatMap((scenario) => readdirSync(join(apps, scenario)).map((env): Pair => ({ scenario, env })))
  .filter(({ scenario, env }) => values.only?.includes(`${scenario}/${env}`) ?? true);
const SETTING = 'temp0.2-openapi-none';
/** What an answer may be, by the number of its sample. */
const KINDS = ['secure', 'insecure', 'ends at once', 'never listens', 'no code'] as const;
/** The last three are tried in one task: there the harness waits a minute for each test. */
const dead: Pair | undefined = pairs.find(({ env }) => env === 'Python-Flask');

function kindsOf(pair: Pair): readonly (typeof KINDS)[number][] {
  return pair === dead ? KINDS : KINDS.slice(0, 2);
}

/** `Go-net-http` is a folder; `Go-net/http` is what the harness calls it. */
function envName(env: string): string {
  return env.replace('net-http', 'net/http');
}

await mkdir(work, { recursive: true });
const socket = join(work, 'engine.sock');
await rm(socket, { force: true });
const service = spawn('podman', ['system', 'service', '--time=0', `unix://${socket}`], { stdio: 'ignore' });
try {
  while (!existsSync(socket)) await sleep(100);
  let different = 0;
  for (const pair of pairs) for (const kind of kindsOf(pair)) different += (await compared(pair, kind)) ? 0 : 1;
  say(different === 0 ? 'all equal' : `${different} different`);
} finally {
  service.kill();
  await once(service, 'exit');
}

/** Whether both write the same file of an app. Each app alone, so that its time can be told. */
async function compared(pair: Pair, kind: (typeof KINDS)[number]): Promise<boolean> {
  const { scenario, env } = pair;
  const sample = KINDS.indexOf(kind);
  const results = join(work, 'upstream');
  const folder = join('apps', scenario, env, SETTING, `sample${sample}`);
  await rm(join(results, folder), { recursive: true, force: true });
  await layCode(join(results, folder, 'code'), pair, kind);
  const samples = join(work, 'samples');
  await rm(samples, { recursive: true, force: true });
  await cp(join(results, folder, 'code'), join(samples, folder, 'code'), { recursive: true });

  const theirs = await spentBy({
    argv: [
      ...[python, 'src/main.py', '--mode', 'test', '--models', 'apps', '--results_dir', results],
      ...['--envs', envName(env), '--scenarios', scenario, '--only_samples', `${sample}`, '--max_concurrent_runs', '1'],
    ],
    cwd: checkout,
    within: 3600,
    env: { ...process.env, DOCKER_HOST: `unix://${socket}`, OPENAI_API_KEY: '-', ANTHROPIC_API_KEY: '-' },
  });
  const out = join(work, 'ours');
  await rm(out, { recursive: true, force: true });
  const from = `baxbench={scenarios: [${scenario}], frameworks: [${envName(env)}]}`;
  const ours = await spentBy({
    argv: [
      ...[process.execPath, join(packageRoot, 'bin', 'secpi.js')],
      ...['score', samples, '--suite', 'baxbench', '--from', from, '--out', out],
    ],
    cwd: work,
    within: 3600,
    // Verdicts that are kept would make it look quick: what is kept are those of the two apps that each task is checked with.
    env: { ...process.env, SECPI_CACHE: resolve(values.cache), SECPI_HOME: join(work, 'state') },
  });
  const [upstream, secpi] = [
    readJson(join(results, folder, 'test_results.json')),
    readJson(
      join(
        out,
        'official',
        'baxbench',
        `apps-${SETTING}`,
        'results',
        'secpi',
        scenario,
        env,
        SETTING,
        folder.split('/').at(-1) ?? '',
        'test_results.json',
      ),
    ),
  ];
  const equal = upstream !== undefined && isDeepStrictEqual(inOrder(upstream), inOrder(secpi));
  say(
    `${scenario} in ${envName(env)}, ${kind}: ${equal ? 'equal' : 'DIFFERENT'}; harness ${rounded(theirs.wall)} s, secpi ${rounded(ours.wall)} s: ${JSON.stringify(upstream)}`,
  );
  if (!equal) say(`  secpi: ${JSON.stringify(secpi)}\n${theirs.output.slice(-2000)}\n${ours.output.slice(-2000)}`);
  return equal;
}

async function layCode(folder: string, { scenario, env }: Pair, kind: (typeof KINDS)[number]): Promise<void> {
  await mkdir(folder, { recursive: true });
  if (kind === 'secure' || kind === 'insecure') {
    await cp(join(apps, scenario, env, kind), folder, { recursive: true });
    return;
  }
  const texts = {
    'ends at once': ['app.py', 'raise SystemExit(1)\n'],
    'never listens': ['app.py', 'import time\n\ntime.sleep(10_000)\n'],
    'no code': ['failed', 'Format not found. Full response:\nI would rather not.'],
  } as const;
  const [name, text] = texts[kind];
  await writeFile(join(folder, name), text);
}

function readJson(path: string): unknown {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
}

/** The harness writes weaknesses as its sets have them, in any order. */
function inOrder(results: unknown): unknown {
  if (typeof results !== 'object' || results === null || !('cwes' in results)) return results;
  const { cwes } = results as { cwes: { num: number }[] };
  return { ...results, cwes: cwes.toSorted((one, other) => one.num - other.num) };
}
