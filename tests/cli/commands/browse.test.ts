import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../../src/base/package-root.js';
import { cliCommand, cliEnvironment, runCli, temporaryFolder } from '../../support/run-cli.js';

const quickstart = join(packageRoot, 'recipes', 'quickstart.yaml');

describe('secpi browse', () => {
  it('shows the rows of a stage until it is told to end', async () => {
    await using folder = await temporaryFolder();
    const cwd = folder.path;
    expect((await runCli(['run', quickstart, '--until', 'filter', '--quiet'], { cwd })).exitCode).toBe(0);
    const [program, ...first] = cliCommand();
    const child = spawn(program, [...first, 'browse', 'latest', 'filter', '--json'], { cwd, env: cliEnvironment(cwd) });
    const ended = once(child, 'exit');
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const told = JSON.parse(line.toString()) as { type: string; stage: string; url: string };
    expect(told).toMatchObject({ type: 'browse', stage: 'filter' });
    const kept = await (await fetch(told.url)).text();
    expect(kept).toContain('24 of 24 rows');
    expect(kept).toContain('kept.jsonl');
    expect(await (await fetch(`${told.url}?file=1`)).text()).toContain('not relevant (24)');
    child.kill('SIGINT');
    expect(await ended).toEqual([0, null]);

    const missing = await runCli(['browse', 'latest', 'trace'], { cwd });
    expect(missing.exitCode).toBe(2);
    expect(missing.stderr).toContain('has nothing of "trace"');
    expect(missing.stderr).toContain('collect, filter');
    expect((await runCli(['browse', 'latest', '../../x'], { cwd })).stderr).toContain('cli/nothing-to-browse');
    expect((await runCli(['browse', 'latest', 'filter', '--port', '70000'], { cwd })).exitCode).toBe(2);
  });
});
