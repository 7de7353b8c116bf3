import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { keyOf } from './chaos-job.js';
import { newestOwner, programsOf } from './look.js';
import type { ChaosTarget } from './target.js';

/** What a kill finds. */
export interface Victim {
  readonly target: ChaosTarget;
  readonly trial: string;
  readonly orchestrator: { readonly pid: number; readonly isOver: () => boolean };
  /** In [0, 1). */
  readonly random: () => number;
  /** How long the job takes when nobody kills anything, in milliseconds. */
  readonly usualMs: number;
}

/** Kills, at a random moment; whether there was anything to kill. Returns when the orchestrator may be started again. */
type Kill = (victim: Victim) => Promise<boolean>;

/** How long the program of the job runs, in milliseconds. */
const PROGRAM_MS = 1100;

const orchestrator =
  (before: (victim: Victim) => Promise<void>): Kill =>
  async (victim) => {
    await sleep(victim.random() * victim.usualMs);
    if (victim.orchestrator.isOver()) return false;
    try {
      process.kill(victim.orchestrator.pid, 'SIGKILL');
    } catch {
      return false; // it has ended, and nobody has told us yet
    }
    await before(victim);
    return true;
  };

/** Of an attempt that has begun, and is in the middle of it. */
const attempt =
  (kill: (victim: Victim, file: string, pid: number) => Promise<boolean>): Kill =>
  async (victim) => {
    const folder = victim.target.folderOf(victim.trial);
    for (;;) {
      const found = await newestOwner(folder);
      if (found !== undefined) {
        await sleep(victim.random() * PROGRAM_MS);
        if (existsSync(join(dirname(found.file), 'exit.json')) || !existsSync(found.file)) return false;
        return kill(victim, found.file, found.owner.pid);
      }
      if (victim.orchestrator.isOver()) return false;
      await sleep(20);
    }
  };

const daemon =
  (name: string): Kill =>
  async ({ target, random, usualMs, orchestrator: { isOver } }) => {
    await sleep(random() * usualMs);
    if (isOver()) return false;
    await target.daemons[name]?.kill();
    await sleep(random() * 2000);
    await target.daemons[name]?.start();
    return true;
  };

const everywhere: Readonly<Record<string, Kill>> = {
  'orchestrator, again at once': orchestrator(async () => undefined),
  'orchestrator, again after a while': orchestrator(({ random, usualMs }) => sleep(random() * usualMs)),
  "orchestrator, again after the job's end": orchestrator(async ({ target, trial, usualMs }) => {
    const found = async () => newestOwner(target.folderOf(trial));
    // One that was killed before it asked for anything has begun nothing.
    for (const deadline = Date.now() + 2 * usualMs + 5000; Date.now() < deadline; await sleep(50)) {
      const { file } = (await found()) ?? {};
      if (file !== undefined && existsSync(join(dirname(file), 'exit.json'))) return;
    }
  }),
  supervisor: attempt(async (_victim, _file, pid) => killed(pid)),
  program: attempt(async ({ trial }) => programsOf(keyOf(trial)).map(killed).includes(true)),
  // Nothing of before is there, and its numbers have been given to others.
  'machine, which is up again': attempt(async ({ trial }, file, pid) => {
    const hit = killed(pid);
    for (const program of programsOf(keyOf(trial))) killed(program);
    const owner = JSON.parse(await readFile(file, 'utf8')) as object;
    const stat = await readFile(`/proc/${process.pid}/stat`, 'utf8');
    const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    await writeFile(file, JSON.stringify({ ...owner, boot: 'an earlier one', pid: process.pid, started }));
    return hit;
  }),
};

/** All kinds of kill that there are on a target. */
export function killsOf(target: ChaosTarget): readonly (readonly [string, Kill])[] {
  return [...Object.entries(everywhere), ...Object.keys(target.daemons).map((name) => [name, daemon(name)] as const)];
}

function killed(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch {
    return false; // it has ended by itself
  }
}
