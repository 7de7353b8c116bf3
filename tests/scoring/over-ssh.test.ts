import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { never, processesWith, python } from '../sandbox/real-sandbox.js';
import { hasSshServer, type SshServer, sshServer } from '../support/ssh-server.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { sandboxOverSsh } from './sandbox-over-ssh.js';

/** Until this many processes have that word in their command lines; the test's time limit ends that. */
async function processes(word: string, isSo: (count: number) => boolean): Promise<void> {
  while (!isSo(processesWith(word).length)) await sleep(20);
}

describe.skipIf(!hasSshServer)('a sandbox on a host that is reached over ssh', () => {
  let server: SshServer;
  let folder: TemporaryFolder;
  beforeEach(async () => {
    server = await sshServer();
    folder = await temporaryFolder();
  });
  afterEach(async () => {
    await folder[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });
  const root = () => join(server.home, 'secpi');

  it('runs again what was under way when the connection went, and gives every result once', async () => {
    await using sandbox = await sandboxOverSsh({ config: server.config, root: root(), stateDir: folder.path }, never);
    const word = `cut-${process.pid}`;
    const runs = [3, 2, 1].map((seconds) =>
      sandbox.run(python(`import time; "${word}"; time.sleep(${seconds}); print(${seconds})`), never),
    );
    await processes(word, (count) => count >= runs.length);
    const [served] = processesWith('serve-sandbox.mjs').filter((pid) => processesWith(root()).includes(pid));
    await server.kill();
    // Whoever asked has gone, as far as the server knows: nothing goes on without anybody.
    await processes(word, (count) => count === 0);
    await server.start();
    expect((await Promise.all(runs)).map(({ stdout }) => stdout)).toEqual(['3\n', '2\n', '1\n']);
    expect(processesWith('serve-sandbox.mjs')).toContain(served);
  });

  it('ends by itself, with all that runs in it, when whoever wanted it was killed', async () => {
    const word = `alone-${process.pid}`;
    const script = join(import.meta.dirname, 'fixtures', 'scoring-process.ts');
    const program = `import time; "${word}"; time.sleep(1000)`;
    const args = [server.config, root(), folder.path, '6', program];
    const scoring = spawn(process.execPath, ['--import', 'tsx', script, ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const ended = once(scoring, 'exit');
    // Beside the process itself, whose arguments name it too.
    await processes(word, (count) => count > 1);
    scoring.kill('SIGKILL');
    await ended;
    await processes(word, (count) => count === 0);
    await processes(root(), (count) => count === 0);
  });
});
