/**
 * How `collect` grows: rows per second, processor time a row and peak memory for 100,000 and 1,000,000 small tasks, with and without near-duplicates. The
 * tasks are made up: one in ten is an edited copy of an earlier one (a word in twelve is another), and it is counted how many of those are found. Each
 * measurement is a process of its own.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '../src/base/hash.js';
import { buildGraph, graphNode } from '../src/engine/flow/graph.js';
import { executeRun } from '../src/engine/runs/runner.js';
import { stateDirectory } from '../src/engine/state-directory.js';
import { collect, collectParams } from '../src/stages/collect/collect.js';
import type { StageServices } from '../src/stages/services.js';
import { copyEvery, writeTasks } from './made-up/tasks.js';
import { line, rounded } from './measure.js';

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
