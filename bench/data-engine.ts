/**
 * Many tasks through a model, by secpi and by its peers: `npx tsx bench/data-engine.ts [--tasks N] [--concurrency LIST] [--faults on,off]
 * [--only LIST] [--minutes N] [--json FILE]`. A server of its own takes 50 ms for an answer, and misbehaves as `data-engine/faults.ts` says. What the columns mean
 * stands in docs/data-engine.md. Linux.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../src/base/package-root.js';
import type { Contender } from './data-engine/contender.js';
import { contenders } from './data-engine/contenders.js';
import { idealOf } from './data-engine/faults.js';
import { type Figures, figuresOf, lostOf } from './data-engine/figures.js';
import { measured } from './data-engine/measured.js';
import { questionsOf, writeQuestions } from './data-engine/questions.js';
import { startServer } from './data-engine/server.js';
import { tablesOf } from './data-engine/table.js';
import { rounded } from './measure.js';

const LATENCY_MS = 50;

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '20000' },
    concurrency: { type: 'string', default: '64,256' },
    faults: { type: 'string', default: 'off,on' },
    only: { type: 'string', default: contenders.map(({ name }) => name).join(',') },
    /** A run that takes longer is ended. */
    minutes: { type: 'string', default: '20' },
    json: { type: 'string', default: join(packageRoot, 'dist', 'bench', 'data-engine.json') },
  },
});
const tasks = Number(values.tasks);
const minutes = Number(values.minutes);
const page = resolve(values.json);

/** Those that can run here; the others, and why they cannot. */
const ready: Contender[] = [];
const missing: string[] = [];
for (const name of values.only.split(',')) {
  const contender = contenders.find((one) => one.name === name);
  if (contender === undefined) throw new Error(`${name} is none of ${contenders.map((one) => one.name).join(', ')}`);
  try {
    await contender.prepare?.();
    ready.push(contender);
  } catch (error) {
    missing.push(`${name} was not run: ${error instanceof Error ? error.message : error}`);
  }
}

const all: Figures[] = [];
await mkdir(dirname(page), { recursive: true });
for (const concurrency of values.concurrency.split(',').map(Number)) {
  for (const faults of values.faults.split(',')) {
    for (const contender of ready) {
      all.push(await trial(contender, concurrency, faults === 'on'));
      await writeFile(page, `${JSON.stringify({ missing, figures: all }, null, 2)}\n`);
    }
  }
}
process.stdout.write(`${tablesOf(all)}\n${missing.map((line) => `${line}\n`).join('')}`);

/** One contender under one load; the folder of one that failed stays, with what it said. */
async function trial(contender: Contender, concurrency: number, faults: boolean): Promise<Figures> {
  const folder = await mkdtemp(join(tmpdir(), 'secpi-bench-data-'));
  const questions = questionsOf(tasks, false);
  await writeQuestions(folder, questions);
  await using server = await startServer({ tasks, latencyMs: LATENCY_MS, faults });
  const run = { folder, endpoint: server.endpoint, concurrency };
  const ask = async () => measured(await contender.command(run), { folder, log: join(folder, 'log.txt'), minutes });
  const took = await ask();
  const served = await server.served();
  const lost = await lostOf(contender, run, questions, served);

  let afterEdit: number | undefined;
  // Of a run that came to no end there is no second one.
  if (!faults && took.code === 0) {
    await writeQuestions(folder, questionsOf(tasks, true));
    await ask();
    afterEdit = (await server.served()).requests - served.requests;
  }
  const digests = questions.map(({ digest }) => digest);
  const ideal = idealOf(digests, concurrency, { latencyMs: LATENCY_MS, faults });
  const figures = figuresOf(took, served, {
    contender: contender.name,
    concurrency,
    faults,
    tasks,
    lost,
    afterEdit,
    ideal,
  });
  const load = `${contender.name}, ${concurrency} at a time, ${faults ? 'faults' : 'clean'}`;
  process.stderr.write(
    `${load}: ${rounded(figures.askingSeconds)} s of ${rounded(took.seconds)} s asking, ${lost} lost\n`,
  );
  if (took.code === 0) await rm(folder, { recursive: true, force: true });
  else {
    const how = took.code === null ? `was ended after ${minutes} minutes` : `ended with ${took.code}`;
    process.stderr.write(`${load}: ${how}; what it said: ${join(folder, 'log.txt')}\n`);
  }
  return figures;
}
