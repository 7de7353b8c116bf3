/**
 * Whether a job runs once whatever dies: `npx tsx bench/chaos.ts [--kills N] [--only TARGET] [--seed N]` begins counted jobs on six kinds
 * of target, kills at random whatever takes part, runs the orchestrator again until it is done, and looks at what the job itself has
 * counted. N kills (300) take about N × 10 s on two cores. Wants root, sshd, Slurm and podman, as the tests do. What comes out stands in
 * `bench/chaos/figures.md`; the folders of trials in which something was wrong are kept, and named.
 */

import { appendFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../src/base/package-root.js';
import { buildProgram } from '../tests/faults/killed-process.js';
import { chaosPage, type Row } from './chaos/chaos-page.js';
import { killsOf } from './chaos/kill.js';
import { targets } from './chaos/target.js';
import { type Findings, runTrial } from './chaos/trial.js';
import { randomFrom } from './made-up/seeded.js';

/** Jobs on each target. Most of the time they wait. */
const AT_ONCE = 2;

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '300' },
    only: { type: 'string', multiple: true },
    seed: { type: 'string', default: '1' },
  },
});
const names = values.only ?? Object.keys(targets);
const share = Math.ceil(Number(values.kills) / names.length);
const below = await mkdtemp(join(tmpdir(), 'secpi-chaos-'));
// Below the package, whose agent it starts.
const program = join(packageRoot, 'node_modules', '.cache', `secpi-chaos-${process.pid}.mjs`);
const rows: Row[] = [];
let stopping = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    stopping = true;
  });
}
const log = join(below, 'findings.jsonl');
try {
  await buildProgram(join(packageRoot, 'bench/chaos/orchestrator.ts'), program);
  await Promise.all(names.map(killOn));
  process.stdout.write(await keepPage());
} finally {
  await rm(program, { force: true });
}

/** What is known so far, as a page. */
async function keepPage(): Promise<string> {
  const page = chaosPage(rows, `npx tsx bench/chaos.ts ${process.argv.slice(2).join(' ')}`.trim());
  if (values.only === undefined) await writeFile(join(packageRoot, 'bench', 'chaos', 'figures.md'), page);
  return page;
}

/** A share of the kills on one target, a few jobs at a time: who kills a daemon hits the others' jobs as well. */
async function killOn(name: string, index: number): Promise<void> {
  const setUp = targets[name];
  if (setUp === undefined) throw new Error(`${name} is none of ${Object.keys(targets).join(', ')}`);
  await using target = await setUp();
  const folder = join(below, name.replace('/', '-'));
  await mkdir(folder);
  const random = randomFrom(Number(values.seed) * 100 + index);
  const options = { target, program, below: folder, random };
  const quiet = await runTrial({ ...options, usualMs: 0, kill: undefined });
  report('none', quiet.folder, quiet.findings);
  const mine = killsOf(target).map(([kind, kill]) => ({ target: name, kind, kill, kills: 0, found: [] as Findings[] }));
  rows.push(...mine);
  const killed = () => mine.reduce((sum, { kills }) => sum + kills, 0);
  let trials = 0;
  const killOneAfterTheOther = async (): Promise<void> => {
    while (!stopping && killed() < share) {
      const row = mine[trials % mine.length] as (typeof mine)[number];
      trials += 1;
      const {
        hit,
        findings,
        folder: made,
      } = await runTrial({ ...options, usualMs: quiet.milliseconds, kill: row.kill });
      if (hit) row.kills += 1;
      row.found.push(findings);
      if (!report(row.kind, made, findings)) await rm(made, { recursive: true, force: true });
      await keepPage();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, killOneAfterTheOther));
  process.stderr.write(`${name}: over\n`);

  function report(kind: string, made: string, findings: Findings): boolean {
    const bad = Object.values(findings).some((found) => found.length > 0);
    if (bad) {
      appendFileSync(log, `${JSON.stringify({ target: name, kind, folder: made, ...findings })}\n`);
      process.stderr.write(`${name}, ${kind}: ${JSON.stringify(findings)} in ${made}\n`);
    }
    return bad;
  }
}
