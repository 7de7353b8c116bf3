import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, constants, existsSync, openSync, readSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { counterOf, keyOf, LINES, madeWith } from './chaos-job.js';
import type { Victim } from './kill.js';
import { cmdlinesWith, containersOf, filesWith, holdersOf, inspected, programsOf } from './look.js';
import type { Told } from './orchestrator.js';
import type { ChaosTarget } from './target.js';

/** What must not be, in words; nothing of it is good. */
export interface Findings {
  ranTwice: string[];
  wrongOutputs: string[];
  lines: string[];
  secrets: string[];
  left: string[];
  /** It came to no end, or to one that nothing explains. */
  odd: string[];
}

export interface Trial {
  /** Whether there was anything to kill. */
  readonly hit: boolean;
  readonly findings: Findings;
  readonly folder: string;
  readonly milliseconds: number;
}

export interface TrialOptions {
  readonly target: ChaosTarget;
  /** The built `orchestrator.ts`. */
  readonly program: string;
  readonly below: string;
  readonly random: () => number;
  readonly usualMs: number;
  readonly kill: ((victim: Victim) => Promise<boolean>) | undefined;
}

const MOST_RUNS = 8;
/** Slurm lets a job that could not be begun wait for two minutes. */
const PATIENCE_MS = 400_000;
const SETTLE_MS = 15_000;

/** One job, one kill, and the orchestrator run again until it is done; then what is to be seen of it. */
export async function runTrial({ target, program, below, random, usualMs, kill }: TrialOptions): Promise<Trial> {
  const folder = await mkdtemp(join(below, 't'));
  const key = keyOf(folder);
  const job = target.folderOf(folder);
  const secret = `canary-${randomBytes(12).toString('hex')}`;
  const findings: Findings = { ranTwice: [], wrongOutputs: [], lines: [], secrets: [], left: [], odd: [] };
  execFileSync('mkfifo', [counterOf(folder)]);
  const counter = openSync(counterOf(folder), constants.O_RDWR | constants.O_NONBLOCK);
  const looking = setInterval(() => findings.secrets.push(...cmdlinesWith(secret)), 300);
  const began = performance.now();
  let hit = false;
  try {
    let ended: Ended | undefined;
    for (let runs = 0; ended?.told?.outcome !== 'done'; runs += 1) {
      if (runs === MOST_RUNS) {
        findings.odd.push(`not done after ${runs} runs: ${JSON.stringify(ended)}`);
        break;
      }
      const heardBefore = existsSync(join(folder, 'home', 'fetched.json'));
      const running = orchestrate(program, folder, runs, target, secret);
      if (runs === 0 && kill !== undefined) {
        const orchestrator = { pid: running.pid, isOver: running.isOver };
        hit = await kill({ target, trial: folder, orchestrator, random, usualMs });
        if (target.image !== undefined && (await inspected(key, secret))) findings.secrets.push('podman inspect');
      }
      ended = await running.ended;
      const { told, said } = ended;
      if (told === undefined && !ended.killed) findings.odd.push(`run ${runs}: ${said}`);
      if (told?.outcome === 'error' && !told.why.startsWith('compute/unreachable')) findings.odd.push(told.why);
      if (told !== undefined && told.outcome !== 'error') {
        findings.lines.push(...wrongLines(await heardBy(folder, runs), told.outcome === 'done', heardBefore));
      }
      if (told?.outcome === 'failed')
        findings.secrets.push(...(await filesWith(secret, [job, folder, ...target.spools])));
      if (told?.outcome === 'error') await sleep(500);
    }
    if (ended?.told?.outcome === 'done') {
      const made = await readFile(ended.told.made, 'utf8').catch(String);
      if (made !== madeWith(secret)) findings.wrongOutputs.push(made);
    }
    // Where the way there was cut when all was here, the next run of the same command tidies up.
    if (!job.startsWith(folder) && existsSync(job)) await orchestrate(program, folder, MOST_RUNS, target, secret).ended;
    const milliseconds = performance.now() - began;
    findings.left.push(...(await whatIsLeft(target, folder)));
    findings.secrets.push(...(await filesWith(secret, [job, folder, ...target.spools])));
    const ran = counted(counter);
    if (new Set(ran).size !== ran.length) findings.ranTwice.push(ran.join(' '));
    if (ran.length === 0) findings.odd.push('it has not run at all');
    return { hit, findings, folder, milliseconds };
  } finally {
    clearInterval(looking);
    closeSync(counter);
  }
}

interface Ended {
  readonly told: Told | undefined;
  readonly killed: boolean;
  readonly said: string;
}

const heardFile = (folder: string, run: number): string => join(folder, `heard-${run}`);

function orchestrate(program: string, folder: string, run: number, { place, image }: ChaosTarget, secret: string) {
  const args = [
    program,
    folder,
    heardFile(folder, run),
    JSON.stringify(place),
    ...(image === undefined ? [] : [image]),
  ];
  const env = { ...process.env, CHAOS_TOKEN: secret };
  // The agent that it starts is that of this tree, also where its packages are a link to another.
  const child = spawn(process.execPath, ['--preserve-symlinks-main', ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let said = '';
  let over = false;
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const patience = setTimeout(() => {
    said += '\nit takes too long';
    child.kill('SIGKILL');
  }, PATIENCE_MS);
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (_code, signal) => {
      over = true;
      clearTimeout(patience);
      const told = out === '' ? undefined : (JSON.parse(out) as Told);
      resolve({ told, killed: signal === 'SIGKILL' && !said.includes('it takes too long'), said });
    });
  });
  return { pid: child.pid ?? 0, isOver: () => over, ended };
}

async function heardBy(folder: string, run: number): Promise<string[]> {
  const text = await readFile(heardFile(folder, run), 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line !== '');
}

/** Of each attempt that was heard of, lines from the first on, each once and in order; of one that is done, all. */
function wrongLines(heard: readonly string[], done: boolean, heardBefore: boolean): string[] {
  if (heard.length === 0 && heardBefore) return [];
  const attempts = [...new Set(heard.map((line) => line.split(' ')[0]))];
  const expected = attempts.flatMap((attempt, index) => {
    const told = heard.filter((line) => line.startsWith(`${attempt} `)).length;
    const count = done && index === attempts.length - 1 ? LINES : Math.min(told, LINES);
    return Array.from({ length: count }, (_, n) => `${attempt} ${n + 1}`);
  });
  const right = expected.join() === heard.join() && (!done || heard.length > 0);
  return right ? [] : [`${heard.join(', ')} instead of ${expected.join(', ')}`];
}

/** Programs, supervisors, containers, jobs of the queue, and what lies on another machine; after they had time to go. */
async function whatIsLeft(target: ChaosTarget, folder: string): Promise<string[]> {
  const key = keyOf(folder);
  const job = target.folderOf(folder);
  for (const deadline = Date.now() + SETTLE_MS; ; await sleep(200)) {
    const left = [
      ...programsOf(key).map((id) => `program ${id}`),
      ...holdersOf(job).map((id) => `holder of the folder ${id}`),
      ...(target.image === undefined ? [] : (await containersOf(key)).map((one) => `container ${one}`)),
      ...(await target.queued(key)).map((one) => `in the queue: ${one}`),
      ...(job.startsWith(folder) || !existsSync(job) ? [] : [`folder ${job}`]),
    ];
    if (left.length === 0 || Date.now() > deadline) return left;
  }
}

/** The number of the attempt, for each time that the job ran. */
function counted(counter: number): string[] {
  const buffer = Buffer.alloc(65_536);
  try {
    return buffer
      .toString('utf8', 0, readSync(counter, buffer))
      .split('\n')
      .filter((line) => line !== '');
  } catch {
    return []; // there is nothing to read
  }
}
