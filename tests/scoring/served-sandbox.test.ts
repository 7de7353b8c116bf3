import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createRedactor } from '../../src/base/redact.js';
import { here } from '../../src/compute/places/here.js';
import type { HeldSandbox } from '../../src/sandbox/sandbox.js';
import { sandboxPlan } from '../../src/scoring/sandbox-plan.js';
import { type ServedSandboxOptions, servedSandbox } from '../../src/scoring/served-sandbox.js';
import { describeSandbox, exited, never, processesWith, python } from '../sandbox/real-sandbox.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';

const thisMachine = here({
  python: async () => 'python3',
  env: { HOME: process.env.HOME ?? '/' },
  queue: null,
});

describeSandbox('the sandbox of a target', () => {
  let folder: TemporaryFolder;
  let notes: string[];
  beforeEach(async () => {
    folder = await temporaryFolder();
    notes = [];
  });
  afterEach(() => folder[Symbol.asyncDispose]());

  const open = (more: Partial<ServedSandboxOptions> = {}, node = process.execPath): Promise<HeldSandbox> =>
    servedSandbox(
      {
        digest: 'sandbox',
        place: thisMachine,
        plan: async () => sandboxPlan({ node, path: '/usr/bin:/bin', container: null }),
        stateDir: folder.path,
        redact: createRedactor({ A_TOKEN: 'hf_canary_secret' }),
        onNote: (message) => notes.push(message),
        ...more,
      },
      never,
    );
  /** The process that serves, of this test. */
  const serving = () => processesWith(join(folder.path, 'services')).map(Number).filter(isNode);

  it('runs what it is given, says what it is, and leaves neither process nor folder', async () => {
    {
      await using sandbox = await open();
      expect(sandbox.level).toMatchObject({ kind: 'bubblewrap', network: 'none' });
      expect(Object.keys(sandbox.toolchains)).toContain('python');
      await sandbox.prepare('python');
      const runs = Array.from({ length: 8 }, (_, number) => sandbox.run(python(`print(${number} ** 2)`), never));
      expect((await Promise.all(runs)).map(({ stdout }) => stdout.trim())).toEqual([
        '0',
        '1',
        '4',
        '9',
        '16',
        '25',
        '36',
        '49',
      ]);
      expect(serving()).toHaveLength(1);
    }
    expect(serving()).toEqual([]);
    expect(await readdir(join(folder.path, 'services', 'sandbox', '0'))).not.toContain('job');
  });

  it('keeps its key to itself: in no argument, in no file, and out of reach of what runs inside', async () => {
    await using sandbox = await open();
    const [pid = 0] = serving();
    const key = /SECPI_API_KEY=([0-9a-f]{64})/.exec(await readFile(`/proc/${pid}/environ`, 'latin1'))?.[1] ?? '';
    expect(key).not.toBe('');
    expect(processesWith(key)).toEqual([]);
    const files = await readdir(folder.path, { recursive: true, withFileTypes: true });
    for (const file of files.filter((one) => one.isFile()))
      expect(await readFile(join(file.parentPath, file.name), 'latin1'), file.name).not.toContain(key);
    const looking =
      'import glob, os\nfor path in glob.glob("/proc/*/environ"): print(open(path).read())\nprint(os.environ)';
    expect((await sandbox.run(python(looking), never)).stdout).not.toContain('SECPI_API_KEY');
  });

  it('sends a compiled program once, however often it runs, and again when the server has forgotten it', async () => {
    await using sandbox = await open();
    const program = Buffer.from(`#!/bin/sh\necho "$1"\n#${'x'.repeat(100_000)}`);
    const run = (word: string) =>
      sandbox.run(
        {
          toolchain: null,
          argv: ['./program', word],
          files: [{ path: 'program', content: program, executable: true }],
        },
        never,
      );
    expect(await run('first')).toMatchObject({ ...exited(), stdout: 'first\n' });
    const before = await readBytes(serving()[0]);
    expect(await run('second')).toMatchObject({ ...exited(), stdout: 'second\n' });
    expect((await readBytes(serving()[0])) - before).toBeLessThan(50_000);
    process.kill(serving()[0] ?? 0, 'SIGKILL');
    expect(await run('third')).toMatchObject({ ...exited(), stdout: 'third\n' });
  });

  it('runs again what was under way when it was killed, gives every result once, and gives up when it dies again', async () => {
    await using sandbox = await open();
    const [first = 0] = serving();
    const runs = Array.from({ length: 6 }, (_, number) =>
      sandbox.run(python(`import time; time.sleep(${number / 4}); print(${number})`), never),
    );
    await runs[0];
    process.kill(first, 'SIGKILL');
    expect((await Promise.all(runs)).map(({ stdout }) => stdout)).toEqual(['0\n', '1\n', '2\n', '3\n', '4\n', '5\n']);
    expect(notes).toContain('sandbox on this machine: it has died; it is started once more');
    const lost = sandbox.run(python('import time; time.sleep(1000)'), never);
    const [second = 0] = serving();
    expect(second).not.toBe(first);
    process.kill(second, 'SIGKILL');
    await expect(lost).rejects.toMatchObject({
      code: 'sandbox/server-died',
      message: expect.stringContaining('SIGKILL'),
    });
  });

  it('stops a run that nobody wants any more, and goes on with others', async () => {
    await using sandbox = await open();
    const stop = new AbortController();
    const word = `unwanted-${process.pid}`;
    const unwanted = sandbox.run(python(`import time; "${word}"; time.sleep(1000)`), stop.signal);
    while (processesWith(word).length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    stop.abort(new Error('enough'));
    await expect(unwanted).rejects.toThrow('enough');
    while (processesWith(word).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await sandbox.run(python('print(1)'), never)).toMatchObject({ stdout: '1\n' });
    await expect(sandbox.run(python('1'), stop.signal)).rejects.toThrow('enough');
  });

  it('says in the words of the sandbox what it does not run', async () => {
    await using sandbox = await open();
    const outside = python('1', { files: [{ path: '../x', content: '' }] });
    await expect(sandbox.run(outside, never)).rejects.toMatchObject({ code: 'sandbox/bad-path' });
  });

  it('is not to be had without Node there, and says so in a sentence', async () => {
    await expect(open({}, 'no-node-of-that-name')).rejects.toMatchObject({
      code: 'sandbox/no-node',
      message: expect.stringMatching(/^Node cannot be started on this machine: no-node-of-that-name: /),
    });
  });

  it('is not to be had where nothing can be isolated, and says why, without secrets', async () => {
    // A machine whose bubblewrap does not work, as that one program sees it.
    const bubblewrap = join(folder.path, 'bwrap');
    const node = join(folder.path, 'node');
    await writeFile(bubblewrap, '#!/bin/sh\necho hf_canary_secret >&2; exit 1\n', { mode: 0o755 });
    const command = `mount --bind ${bubblewrap} "$(command -v bwrap)" && exec ${process.execPath} "$@"`;
    await writeFile(node, `#!/bin/sh\nexec unshare --map-root-user --mount sh -c '${command}' sh "$@"\n`, {
      mode: 0o755,
    });
    const error: unknown = await open({}, node).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'sandbox/server-died',
      message: expect.stringContaining('Untrusted code cannot be isolated on this machine'),
      hint: expect.stringContaining('bubblewrap'),
    });
    expect(String(error)).not.toContain('hf_canary_secret');
    expect(serving()).toEqual([]);
  });
});

function isNode(pid: number): boolean {
  return processesWith('serve-sandbox.mjs').includes(String(pid));
}

/** What a process has read so far, from wherever. */
async function readBytes(pid: number | undefined): Promise<number> {
  return Number(/rchar: (\d+)/.exec(await readFile(`/proc/${pid}/io`, 'utf8'))?.[1]);
}
