import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../../src/base/package-root.js';
import { serveLocally } from '../../support/local-server.js';
import { cliCommand, cliEnvironment, runCli, temporaryFolder } from '../../support/run-cli.js';

const quickstart = join(packageRoot, 'recipes', 'quickstart.yaml');

/** The address that `secpi browse` tells, while it serves. */
async function browsing(cwd: string, stage: string, use: (url: string) => Promise<void>): Promise<void> {
  const [program, ...first] = cliCommand();
  const child = spawn(program, [...first, 'browse', 'latest', stage, '--json'], { cwd, env: cliEnvironment(cwd) });
  const ended = once(child, 'exit');
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const told = JSON.parse(line.toString()) as { type: string; stage: string; url: string };
  expect(told).toMatchObject({ type: 'browse', stage });
  try {
    await use(told.url);
  } finally {
    child.kill('SIGINT');
  }
  expect(await ended).toEqual([0, null]);
}

const textAt = async (url: string): Promise<string> => (await fetch(url)).text();

describe('secpi browse', () => {
  it('shows the rows of a stage until it is told to end, first those that it passes on', async () => {
    await using folder = await temporaryFolder();
    const cwd = folder.path;
    expect((await runCli(['run', quickstart, '--until', 'curate', '--quiet'], { cwd })).exitCode).toBe(0);
    await browsing(cwd, 'filter', async (url) => {
      const kept = await textAt(url);
      expect(kept).toContain('24 of 24 rows');
      expect(kept).toContain('kept.jsonl');
      expect(await textAt(`${url}?file=1`)).toContain('not relevant (24)');
    });
    await browsing(cwd, 'trace', async (url) => {
      const packed = await textAt(`${url}?text=system%28%29`);
      expect(packed).toContain('traces.jsonl.gz');
      expect(packed).toMatch(/<li>.*<mark>system\(\)<\/mark>/);
      expect(await textAt(`${url}row?from=23`)).toContain('<h2>reasoning');
    });
    await browsing(cwd, 'curate', async (url) => expect(await textAt(url)).toContain('24 of 24 rows'));

    const missing = await runCli(['browse', 'latest', 'train'], { cwd });
    expect(missing.exitCode).toBe(2);
    expect(missing.stderr).toContain('has nothing of "train"');
    expect(missing.stderr).toContain('collect, filter, trace');
    expect((await runCli(['browse', 'latest', '../../x'], { cwd })).stderr).toContain('cli/nothing-to-browse');
    expect((await runCli(['browse', 'latest', 'filter', '--port', '70000'], { cwd })).exitCode).toBe(2);
  });

  it('says what to do where its port is taken', async () => {
    await using folder = await temporaryFolder();
    const cwd = folder.path;
    expect((await runCli(['run', quickstart, '--until', 'collect', '--quiet'], { cwd })).exitCode).toBe(0);
    await using other = await serveLocally(async () => undefined);
    const { port } = new URL(other.origin);
    const { exitCode, stderr } = await runCli(['browse', 'latest', 'collect', '--port', port], { cwd });
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('Give another --port') });
  });
});
