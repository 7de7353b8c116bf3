import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/package-root.js';
import { lines, runCounted, runsOf, watchedPlace } from '../support/counted-job.js';

/**
 * Who runs a job is killed at every point of starting it, following it and taking what it made. The job itself counts how often it runs.
 */

const run = promisify(execFile);
let home: string;
let program: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'secpi-job-killed-'));
  // Below the package, whose agent it starts.
  program = join(packageRoot, 'node_modules', '.cache', `secpi-job-${process.pid}.mjs`);
  await build({
    entryPoints: [join(packageRoot, 'tests/faults/job-process.ts')],
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    outfile: program,
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
});
afterAll(async () => {
  await rm(home, { recursive: true, force: true });
  await rm(program, { force: true });
});

/** What was printed; empty when it was killed. */
async function killed(folder: string, attached: string, point: number): Promise<string> {
  return run(process.execPath, [program, folder, attached, String(point)]).then(
    ({ stdout }) => stdout,
    (error: { signal?: string; stderr?: string }) => {
      if (error.signal !== 'SIGKILL') throw new Error(`the job failed: ${error.stderr}`);
      return '';
    },
  );
}

describe.each(['detached', 'attached'])('a job whose orchestrator is killed (%s)', (attached) => {
  it('at any point, runs each attempt once and ends the same', async () => {
    for (let point = 1; ; point += 1) {
      const folder = await mkdtemp(join(home, `${attached}-`));
      const printed = await killed(folder, attached, point);
      const where = `point ${point}`;
      const { exit, outputs, heard } = await runCounted(folder, watchedPlace(attached === 'attached'));
      const ran = await runsOf(folder);
      expect(exit.outcome, where).toBe('done');
      expect(await readFile(outputs.made ?? '', 'utf8'), where).toBe('made\n');
      // One that stays when its orchestrator goes is never run a second time; the other is stopped, and begun anew.
      expect([...new Set(ran)], where).toEqual(ran);
      if (attached === 'detached') expect({ ran, heard }, where).toEqual({ ran: [1], heard: lines });
      else expect(heard.slice(-lines.length), where).toEqual(lines);
      if (printed !== '') {
        const points = JSON.parse(printed) as string[];
        expect(points).toContain('before start');
        expect(points).toContain('follow says events');
        expect(points).toContain('before fetch');
        expect(points.some((one) => one.startsWith('rename '))).toBe(true);
        process.stdout.write(`job (${attached}): its orchestrator killed at ${point - 1} points\n`);
        break;
      }
    }
  });
});
