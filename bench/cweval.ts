/**
 * CWEval by secpi beside CWEval by its own harness:
 *
 *   npx tsx bench/cweval.ts agreement|prompts|speed --checkout FOLDER --python PYTHON --work FOLDER [--cache FOLDER] [--only RUN] [--kept] [--once]
 *
 * `agreement` makes four sample sets of the checkout's solutions, has both judge them, and compares entry for entry; what differs both judge again
 * with nothing beside it. `prompts` compares what is asked. `speed` counts seconds, of the wall and of cores. `FOLDER` of `--checkout` is a clone at the pin, outside of the
 * project, below whose `evals` the sets are laid; `PYTHON` has `requirements/core.txt`. Programs of a benchmark run outside of a sandbox there, as
 * its harness has it: all of them are made of its own solutions.
 */
import { existsSync } from 'node:fs';
import { cp, mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { packFolder } from '../src/sandbox/packs.js';
import { cacheDirectory } from '../src/setup/cache-directory.js';
import { differences, KEYS_AT_RANDOM } from './cweval/agreement.js';
import { oursIn, runOurs } from './cweval/ours.js';
import { samePrompts } from './cweval/prompts.js';
import { type Run, sampleRuns, writeRun } from './cweval/sample-sets.js';
import { allIn, runUpstream, setsIn, type Upstream } from './cweval/upstream.js';
import { neededPath } from './harness/needed-path.js';
import type { Spent } from './harness/spent.js';
import { rounded } from './measure.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    checkout: { type: 'string' },
    python: { type: 'string' },
    work: { type: 'string' },
    cache: { type: 'string', default: cacheDirectory(process.env) },
    only: { type: 'string', multiple: true },
    /** Compare what both left the last time. */
    kept: { type: 'boolean', default: false },
    /** Leave it at that, whatever differs. */
    once: { type: 'boolean', default: false },
  },
});
const cache = resolve(values.cache);
const work = neededPath(values, 'work');
const upstream: Upstream = {
  checkout: neededPath(values, 'checkout'),
  python: neededPath(values, 'python'),
  pack: packFolder(cache, 'cweval'),
  goCache: join(work, 'go-build'),
};
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const runs = (await sampleRuns(upstream.checkout)).filter(({ name }) => values.only?.includes(name) ?? true);
await mkdir(work, { recursive: true });
const folderOf = (name: string): string => join(upstream.checkout, 'evals', `secpi-${name}`);
/** What never ends is known by then. */
const HANGS_SECONDS = 60;

if (positionals[0] === 'agreement') for (const run of runs) await compare(run);
else if (positionals[0] === 'prompts') for (const line of await samePrompts(upstream, cache)) say(line);
else if (positionals[0] === 'speed') await speed();
else throw new Error('`agreement`, `prompts` or `speed`');

async function compare(run: Run): Promise<void> {
  const folder = folderOf(run.name);
  const out = join(work, 'ours', run.name);
  const never = run.upstream === 'never ends';
  if (!values.kept || !existsSync(join(folder, 'res_all.json'))) {
    await writeRun(folder, run);
    const theirs = await runUpstream(upstream, `secpi-${run.name}`, { within: never ? HANGS_SECONDS : 3600 });
    say(`${run.name}: upstream ${spoken(theirs)}`);
  }
  if (!values.kept || !existsSync(out)) {
    const ours = await runOurs({ cache, state: join(work, 'state') }, folder, out);
    say(`${run.name}: secpi ${spoken(ours)}`);
    if (!existsSync(out)) throw new Error(ours.output);
  }
  const ours = setsIn(oursIn(out));
  if (never) {
    const entries = [...(ours.get(0) ?? [])].length;
    say(`${run.name}: upstream never comes to an end, and says nothing of ${run.sets[0]?.size}; secpi of ${entries}`);
    return;
  }
  const different = told(run, out);
  if (different.length > 0 && !values.once) await again(run, different);
}

/** Says in what both agree, and in what not. */
function told(run: Run, out: string): ReturnType<typeof differences>['different'] {
  const folder = folderOf(run.name);
  const found = differences(setsIn(folder), setsIn(oursIn(out)));
  const [theirs, ours] = [allIn(folder), allIn(oursIn(out))];
  const lists = [...new Set([...theirs.keys(), ...ours.keys()])];
  const equal = lists.filter((key) => theirs.get(key) === ours.get(key)).length;
  say(
    `${run.name}: ${found.entries - found.different.length} of ${found.entries} entries equal, ${equal} of ${lists.length} lists of res_all.json`,
  );
  for (const { set, task, theirs, ours } of found.different)
    say(
      `  generated_${set}/${task}: upstream ${theirs}, secpi ${ours}${KEYS_AT_RANDOM.has(task) ? ' (makes keys at random)' : ''}`,
    );
  return found.different;
}

/** Judges what differs with nothing beside it: three times each, since a busy machine makes other verdicts of the same code. */
async function again(run: Run, different: ReturnType<typeof differences>['different']): Promise<void> {
  const byTask = new Map([...run.sets].flatMap((set) => [...set.keys()]).map((task) => [task.id, task]));
  const sets = run.sets.map((set, index) => {
    const tasks = different.filter((one) => one.set === index).flatMap(({ task }) => byTask.get(task) ?? []);
    return new Map(
      tasks.flatMap((task) => [[task, set.get(task)] as const]).filter((one) => one[1] !== undefined),
    ) as typeof set;
  });
  const name = `${run.name}-again`;
  const settled = new Set<string>();
  for (let tries = 0; tries < 3; tries += 1) {
    await writeRun(folderOf(name), { ...run, sets });
    // Sets without a sample make no folder.
    await runUpstream(upstream, `secpi-${name}`, { within: 1200 });
    const out = join(work, 'ours', name);
    await runOurs({ cache, state: join(work, `state-again-${tries}`) }, folderOf(name), out);
    await rm(join(work, `state-again-${tries}`), { recursive: true, force: true });
    const left = differences(setsIn(folderOf(name)), setsIn(oursIn(out)));
    const still = new Set(left.different.map(({ set, task }) => `${set} ${task}`));
    for (const { set, task } of different) if (!still.has(`${set} ${task}`)) settled.add(`${set} ${task}`);
    if (settled.size === different.length) break;
  }
  const open = different.filter(({ set, task }) => !settled.has(`${set} ${task}`));
  say(
    `  alone: ${settled.size} of these ${different.length} equal${open.map(({ set, task }) => `, not generated_${set}/${task}`).join('')}`,
  );
}

async function speed(): Promise<void> {
  const references = join(work, 'state-references');
  const [first] = runs;
  if (first === undefined) return;
  // Answers without any text are not run: what is judged are the references alone, once on each machine.
  const empty: Run = { ...first, sets: [new Map([...(first.sets[0] ?? [])].map(([task]) => [task, '\n']))] };
  await rm(references, { recursive: true, force: true });
  await writeRun(folderOf('empty'), empty);
  say(
    `secpi's own check of the references, once: ${spoken(await runOurs({ cache, state: references }, folderOf('empty'), join(work, 'ours', 'empty')))}`,
  );
  for (const run of runs.filter(({ name }) => name === 'references' || name === 'eight')) {
    const state = join(work, `state-speed-${run.name}`);
    await rm(state, { recursive: true, force: true });
    await cp(references, state, { recursive: true });
    await writeRun(folderOf(run.name), run);
    const theirs = await runUpstream(upstream, `secpi-${run.name}`, { within: 1200 });
    say(`${run.name}, upstream: ${spoken(theirs)}`);
    for (const how of ['cold', 'warm']) {
      const ours = await runOurs({ cache, state }, folderOf(run.name), join(work, 'ours', run.name));
      const cores = theirs.cpu === null || ours.cpu === null ? '' : `, of cores 1/${rounded(theirs.cpu / ours.cpu)}`;
      say(
        `${run.name}, secpi, ${how}: ${spoken(ours)}: 1/${rounded(theirs.wall / ours.wall)} of upstream's time${cores}`,
      );
    }
  }
}

function spoken({ wall, cpu, hung }: Spent): string {
  return `${rounded(wall)} s${cpu === null ? '' : `, ${rounded(cpu)} s of cores`}${hung ? ', and was ended' : ''}`;
}
