import { chmodSync, constants, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startProcess } from '../../src/base/processes/child-process.js';
import { openSandbox } from '../../src/sandbox/open-sandbox.js';
import { type SelfTestResult, selfTest } from '../../src/sandbox/self-test.js';
import { describeSandbox, never } from './real-sandbox.js';

const ALWAYS = [
  'reach the network',
  'read host files',
  'read host environment and processes',
  'use inherited descriptors',
  'write outside the work folder',
  'plant links for the host to read',
  'hold on to a file that is read back',
  'keep privileges',
  'make a user namespace',
  'fork bomb',
  'leave a process behind',
  'outlive the clock',
  'flood the output',
  'steer the first process',
  'take too much memory',
  'take too much memory with many processes',
  'make files without number',
];
const FILTERED = [
  'open unusual sockets',
  'steer the first process where tracing is allowed',
  'take memory that nobody counts',
];

function expectAllHeld(results: readonly SelfTestResult[], seccomp: boolean): void {
  expect(results.filter(({ ok }) => !ok)).toEqual([]);
  const expected = seccomp ? [...ALWAYS, ...FILTERED] : ALWAYS;
  expect(results.map(({ name }) => name).sort()).toEqual([...expected].sort());
}

describeSandbox('selfTest', () => {
  // By the kernel where it does that, and without it, as for most users.
  it.each([true, false])('finds that every attack fails, with memory groups: %s', async (memoryGroups) => {
    const sandbox = await openSandbox({ languages: ['python'], memoryGroups });
    if (!memoryGroups) expect(sandbox.level.memory).toBe('watched');
    expectAllHeld(await selfTest(sandbox, never), sandbox.level.seccomp);
  });

  it.skipIf(process.getuid?.() !== 0)('finds the same when secpi runs as an ordinary user', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'secpi-test-'));
    try {
      chmodSync(folder, 0o755);
      const source = join(import.meta.dirname, '../../src/sandbox');
      const program = join(folder, 'program.mts');
      writeFileSync(
        program,
        `import { openSandbox } from ${JSON.stringify(join(source, 'open-sandbox.ts'))};
         import { selfTest } from ${JSON.stringify(join(source, 'self-test.ts'))};
         const sandbox = await openSandbox({ languages: ['python'] });
         const results = await selfTest(sandbox, new AbortController().signal);
         process.stdout.write(JSON.stringify({ uid: process.getuid(), level: sandbox.level, results }));`,
      );
      // The Node that runs this may lie in root's home, where an ordinary user finds nothing.
      const node = join(folder, 'node');
      copyFileSync(process.execPath, node, constants.COPYFILE_FICLONE);
      const child = await startProcess({
        argv: [node, '--import', import.meta.resolve('tsx'), program],
        cwd: '/',
        env: { PATH: '/usr/bin:/bin', HOME: '/nonexistent', TMPDIR: tmpdir() },
        uid: 60999,
        gid: 60999,
        stdout: { capture: { limitBytes: 1 << 20, overflow: 'stop' } },
        stderr: { capture: { limitBytes: 1 << 20, overflow: 'keep-tail' } },
        timeoutSeconds: 50,
      });
      const { stdout, stderr } = await child.exited;
      expect(stderr).toBe('');
      const { uid, level, results } = JSON.parse(stdout);
      expect(uid).toBe(60999);
      expectAllHeld(results, level.seccomp);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('notices when there is no isolation', async () => {
    const open = await openSandbox({ languages: ['python'], bubblewrap: '/nonexistent/bwrap', allowNone: true });
    const failed = (await selfTest(open, never)).filter(({ ok }) => !ok).map(({ name }) => name);
    expect(failed).toEqual(
      expect.arrayContaining([
        'reach the network',
        'read host files',
        'leave a process behind',
        'make a user namespace',
        'take too much memory with many processes',
      ]),
    );
  });

  it('does not pass without Python', async () => {
    const sandbox = await openSandbox({ languages: [] });
    expect(await selfTest(sandbox, never)).toMatchObject([{ ok: false }]);
  });
});
