import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/package-root.js';
import { type JobPlace, lines, runCounted, runsOf, watchedPlace } from '../support/counted-job.js';
import { hasSshServer, sshServer } from '../support/ssh-server.js';
import { buildProgram, printedUnlessKilled } from './killed-process.js';

/**
 * Who runs a job is killed at every point of starting it, following it and taking what it made. The job itself counts how often it runs.
 */

let home: string;
let program: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'secpi-job-killed-'));
  // Below the package, whose agent it starts.
  program = join(packageRoot, 'node_modules', '.cache', `secpi-job-${process.pid}.mjs`);
  await buildProgram(join(packageRoot, 'tests/faults/job-process.ts'), program);
});
afterAll(async () => {
  await rm(home, { recursive: true, force: true });
  await rm(program, { force: true });
});

describe('a job whose orchestrator is killed at any point', () => {
  it.each(['detached', 'attached'] as const)('runs each attempt once and ends the same (%s)', async (place) => {
    await killEverywhere(place, place);
  });

  it.skipIf(!hasSshServer)('runs each attempt once and ends the same (ssh)', async () => {
    await using server = await sshServer();
    const root = join(server.home, 'secpi');
    await killEverywhere('ssh', { config: server.config, root });
    // Nothing of any of them is left there.
    expect(await readdir(join(root, 'jobs'))).toEqual([]);
  });
});

async function killEverywhere(name: string, place: JobPlace): Promise<void> {
  for (let point = 1; ; point += 1) {
    const folder = await mkdtemp(join(home, `${name}-`));
    const printed = await printedUnlessKilled(program, [folder, JSON.stringify(place), String(point)]);
    const where = `point ${point}`;
    const { exit, outputs, heard } = await runCounted(folder, watchedPlace(place));
    const ran = await runsOf(folder);
    expect(exit.outcome, where).toBe('done');
    expect(await readFile(outputs.made ?? '', 'utf8'), where).toBe('made\n');
    // One that stays when its orchestrator goes is never run a second time; the other is stopped, and begun anew.
    expect([...new Set(ran)], where).toEqual(ran);
    if (place !== 'attached') expect(ran, where).toEqual([1]);
    // Whoever has brought everything here already, and was killed then, has nothing more to hear.
    if (heard.length > 0) expect(heard.slice(-lines.length), where).toEqual(lines);
    if (place !== 'attached') expect([0, lines.length], where).toContain(heard.length);
    if (printed === '') continue;
    const points = JSON.parse(printed) as string[];
    for (const one of ['before start', 'follow says events', 'before fetch']) expect(points).toContain(one);
    expect(points.some((one) => one.startsWith('rename '))).toBe(true);
    process.stdout.write(`job (${name}): its orchestrator killed at ${point - 1} points\n`);
    return;
  }
}
