import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/base/package-root.js';
import { runCli } from '../support/run-cli.js';
import { hasSshServer, type SshServer, sshServer } from '../support/ssh-server.js';
import { isAlive, type StandIn, standIn } from '../support/stand-in-server.js';

/** The recipe of docs/serving.md, with a stand-in in the place of vLLM and a host that is this machine. */
describe.skipIf(!hasSshServer)('a teacher that is served on a host', () => {
  let ssh: SshServer;
  let at: StandIn;
  beforeAll(async () => {
    ssh = await sshServer();
    at = await standIn();
  });
  afterAll(async () => {
    await ssh[Symbol.asyncDispose]();
    await at[Symbol.asyncDispose]();
  });

  it('is started for the first question, asked, and ended; another run asks nothing', async () => {
    const page = await readFile(join(packageRoot, 'docs', 'serving.md'), 'utf8');
    const recipe = (/```yaml\n(extends[\s\S]*?)```/.exec(page)?.[1] ?? '')
      .replace('recipes/quickstart.yaml', join(packageRoot, 'recipes', 'quickstart.yaml'))
      .replace('/home/me/vllm/bin/vllm', at.program)
      .replace('host: gpu-box', `host: far\n      root: ${join(ssh.home, 'secpi')}`)
      .replace('/home/me/secpi-python/bin/python', 'python3');
    const file = join(at.folder, 'served.yaml');
    await writeFile(file, recipe);
    const run = () =>
      runCli(['run', file, '--until', 'trace', '--json'], {
        cwd: at.folder,
        env: { HOME: process.env.HOME ?? '', SECPI_HOME: at.stateDir, SECPI_SSH_CONFIG: ssh.config },
      });
    const first = await run();
    expect(first.stderr).toBe('');
    expect(first.exitCode).toBe(0);
    const [start, ...more] = await at.starts();
    expect(more).toEqual([]);
    expect(start?.argv).toContain('Qwen/QwQ-32B');
    expect([await isAlive(start?.pid ?? 0), await isAlive(start?.child ?? 0)]).toEqual([false, false]);
    const asked = (await at.asked()).length;
    expect(asked).toBeGreaterThan(0);
    const objects = join(at.stateDir, 'objects');
    const names = await readdir(objects, { recursive: true });
    const traces = names.find((name) => name.endsWith('/traces.jsonl.gz')) ?? '';
    const text = gunzipSync(await readFile(join(objects, traces))).toString();
    expect(text.trim().split('\n')).toHaveLength(asked);
    const again = await run();
    expect(again.exitCode).toBe(0);
    expect(await at.starts()).toHaveLength(1);
  });
});
