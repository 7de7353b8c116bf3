/**
 * How `collect` grows: rows per second, processor time a row and peak memory for 100,000 and 1,000,000 small tasks, with and without near-duplicates. The
 * tasks are made up: one in ten is an edited copy of an earlier one (a word in twelve is another), and it is counted how many of those are found. Each
 * measurement is a process of its own.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '../src/base/hash.js';
import { mixed } from '../src/datasets/mix.js';
import { buildGraph, graphNode } from '../src/engine/flow/graph.js';
import { executeRun } from '../src/engine/runs/runner.js';
import { stateDirectory } from '../src/engine/state-directory.js';
import { collect, collectParams } from '../src/stages/collect/collect.js';
import type { StageServices } from '../src/stages/services.js';
import { line, rounded } from './measure.js';

/** Every tenth row is an edited copy. */
const copyEvery = 10;
const verbs = ['sorts', 'reads', 'parses', 'stores', 'counts', 'filters', 'merges', 'checks', 'prints', 'sends'];
const languages = ['Python', 'C', 'Go', 'JavaScript', 'C++', 'Java'];
/** A vocabulary in which some words are frequent and most are rare, as in a language. */
const word = (n: number): string => `w${Math.floor(20_000 * (mixed(n, 99) / 2 ** 32) ** 3)}`;

/** A task of about 45 words, half of which many share. */
function taskText(n: number): string {
  const pick = <T>(list: readonly T[], salt: number): T => list[mixed(n, salt) % list.length] as T;
  const frame = `Write a ${pick(languages, 1)} function that ${pick(verbs, 2)} the`;
  const words = Array.from({ length: 30 }, (_, at) => word(mixed(n, 1000 + at)));
  return `${frame} ${words.slice(0, 10).join(' ')} and returns the ${words.slice(10, 20).join(' ')}. It takes a list of ${words.slice(20).join(' ')}.`;
}

function edited(text: string, n: number): string {
  return text
    .split(' ')
    .map((one, at) => ((at + n) % 12 === 0 ? word(mixed(n, at)) : one))
    .join(' ');
}

async function writeTasks(path: string, rows: number): Promise<void> {
  const out = createWriteStream(path);
  for (let n = 0; n < rows; n += 1) {
    const isCopy = n % copyEvery === copyEvery - 1;
    // Of a row that is no copy itself, anywhere before.
    const of = isCopy ? Math.floor((mixed(n, 5) % n) / copyEvery) * copyEvery : n;
    const text = isCopy ? edited(taskText(of), n) : taskText(n);
    if (!out.write(`${JSON.stringify({ id: n, prompt: text, source: 'made up' })}\n`)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
}

async function measure(file: string, near: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'secpi-scale-'));
  const near_duplicates = near === 'default' ? undefined : near === 'false' ? false : Number(near);
  const params = collectParams.parse({ sources: [{ file, prompt: 'prompt' }], near_duplicates });
  const started = performance.now();
  const before = process.cpuUsage();
  const { finished, artifacts } = await executeRun({
    graph: buildGraph([graphNode({ name: 'collect', stage: collect, params, inputs: {} })]),
    state: stateDirectory(folder),
    seed: 0,
    services: {} as StageServices,
    signal: new AbortController().signal,
    recipe: { name: 'scale', sha256: sha256('scale') },
    version: '0.0.0',
    redact: (text) => text,
    onEvent: () => undefined,
  });
  const { user, system } = process.cpuUsage(before);
  const [stage] = finished.stages;
  if (stage?.outcome !== 'done') throw new Error(JSON.stringify(finished));
  process.stdout.write(
    JSON.stringify({
      seconds: (performance.now() - started) / 1000,
      cpu: (user + system) / 1e6,
      // Linux counts in KiB.
      peak: process.resourceUsage().maxRSS / 1024,
      dropped: artifacts.get('collect')?.manifest.counts.dropped ?? 0,
    }),
  );
  await rm(folder, { recursive: true, force: true });
}

if (process.argv[2] === '--measure') await measure(process.argv[3] ?? '', process.argv[4] ?? 'default');
else {
  const sizes = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [100_000, 1_000_000];
  const folder = await mkdtemp(join(tmpdir(), 'secpi-scale-tasks-'));
  try {
    for (const rows of sizes) {
      const file = join(folder, `${rows}.jsonl`);
      await writeTasks(file, rows);
      for (const near of ['false', 'default']) {
        const argv = [...process.execArgv, import.meta.filename, '--measure', file, near];
        const told = execFileSync(process.execPath, argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
        const { seconds, cpu, peak, dropped } = JSON.parse(told) as Record<string, number>;
        const name = `${rows} rows, ${near === 'false' ? 'near duplicates kept' : 'without near duplicates'}`;
        line(
          name,
          `${rounded(rows / (seconds ?? 1))}/s`,
          `${rounded(seconds ?? 0)} s, ${rounded((1e6 * (cpu ?? 0)) / rows)} µs of CPU a row, ${rounded(peak ?? 0)} MiB`,
        );
        if (near !== 'false')
          line('  edited copies that were found', rounded((dropped ?? 0) / (rows / copyEvery)), `${dropped} dropped`);
      }
      await rm(file);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
