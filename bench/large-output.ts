/**
 * What it costs to keep a large result: `npx tsx bench/large-output.ts [GB] [FOLDER]` lets a stage make one file of so many gigabytes (10)
 * in its work folder and adopt it. The limit is one pass of SHA-256 over the same bytes; the peers are what a store without adoption
 * does: `cp` and one more pass, both of which have to reach the disk. Then the next plan, which should read nothing.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import * as z from 'zod';
import { sha256, sha256File } from '../src/base/hash.js';
import { buildGraph, graphNode } from '../src/engine/flow/graph.js';
import { planRun } from '../src/engine/flow/plan.js';
import { executeRun } from '../src/engine/runs/runner.js';
import { defineStage } from '../src/engine/stage.js';
import { stateDirectory } from '../src/engine/state-directory.js';
import { line, rounded, secondsOf } from './measure.js';

const bytes = Number(process.argv[2] ?? 10) * 1e9;
const folder = await mkdtemp(join(process.argv[3] ?? tmpdir(), 'secpi-bench-large-output-'));
const { signal } = new AbortController();

/** Bytes that this process has read, from files and otherwise (Linux). */
async function bytesRead(): Promise<number> {
  return Number(/^rchar: (\d+)$/m.exec(await readFile('/proc/self/io', 'utf8'))?.[1]);
}

/** Not zeros: some disks keep none of those. */
function* incompressible(): Generator<Buffer> {
  const block = randomBytes(8_000_000);
  for (let written = 0; written < bytes; written += block.length) yield block;
}

let inode = 0;
let made = 0;
const params = z.strictObject({});
const train = defineStage<z.output<typeof params>, never, undefined>({
  name: 'train',
  version: 1,
  params,
  inputs: [],
  seeded: false,
  run: async ({ work, output }) => {
    const path = work.path('model/weights');
    await writeFile(path, incompressible());
    inode = (await stat(path)).ino;
    made = performance.now();
    await output.adopt('model', work.path('model'));
    return { counts: {} };
  },
});

try {
  const flow = {
    graph: buildGraph<undefined>([graphNode({ name: 'train', stage: train, params: {}, inputs: {} })]),
    state: stateDirectory(join(folder, 'state')),
    seed: 0,
    services: undefined,
    signal,
  };
  const readBefore = await bytesRead();
  const run = { ...flow, recipe: { name: 'bench', sha256: sha256('bench') }, version: '0', redact: String };
  const { artifacts } = await executeRun(run);
  const kept = (performance.now() - made) / 1000;
  const path = artifacts.get('train')?.path('model/weights') ?? '';
  const readForCommit = (await bytesRead()) - readBefore;
  const sameFile = (await stat(path)).ino === inode;

  const readBeforePlan = await bytesRead();
  let state = '';
  const planned = await secondsOf(async () => {
    state = (await planRun(flow))[0]?.state ?? '';
  });
  const readForPlan = (await bytesRead()) - readBeforePlan;

  const hashed = await secondsOf(() => sha256File(path, signal));
  const copied = await secondsOf(() =>
    execa('sh', ['-c', 'cp --reflink=never "$1" "$2" && sync "$2"', 'sh', path, join(folder, 'copy')]),
  );

  process.stdout.write(`One result of ${bytes / 1e9} GB\n`);
  line('one pass of SHA-256', `${rounded(hashed)} s`, 'the limit');
  line('committed', `${rounded(kept)} s`, `${rounded(kept / hashed)} × the limit`);
  line('read for it', `${rounded(readForCommit / bytes)} × its size`, sameFile ? 'the same file' : 'A SECOND COPY');
  line('next plan', `${rounded(planned)} s`, `${state}, ${readForPlan} bytes read`);
  line('cp and a pass instead', `${rounded(copied + hashed)} s`, `${rounded((copied + hashed) / hashed)} × the limit`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
