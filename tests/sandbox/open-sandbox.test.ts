import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSandbox } from '../../src/sandbox/open-sandbox.js';
import { featuresOf } from '../../src/sandbox/runs/bubblewrap.js';
import { findToolchains } from '../../src/sandbox/toolchains.js';
import { describeSandbox, exited, never, python } from './real-sandbox.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'secpi-test-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A bubblewrap stand-in: says that version, then does what the script does. */
function bubblewrap(version: string, script: string): string {
  const path = join(folder, `bwrap-${version}`);
  writeFileSync(path, `#!/bin/sh\n[ "$1" = --version ] && { echo "bubblewrap ${version}"; exit 0; }\n${script}\n`, {
    mode: 0o755,
  });
  return path;
}

describe('openSandbox', () => {
  it('refuses when bubblewrap is missing, too old or does not work, and says what to do', async () => {
    await expect(openSandbox({ bubblewrap: '/nonexistent/bwrap' })).rejects.toMatchObject({
      code: 'sandbox/unavailable',
      message: expect.stringContaining('not installed'),
      hint: expect.stringContaining('apt install bubblewrap'),
    });
    await expect(openSandbox({ bubblewrap: bubblewrap('0.4.1', 'exit 0') })).rejects.toMatchObject({
      code: 'sandbox/unavailable',
      message: expect.stringContaining('0.4.1 is too old'),
    });
    const broken = bubblewrap('0.9.0', 'echo "bwrap: No permissions to create new namespace" >&2; exit 1');
    await expect(openSandbox({ bubblewrap: broken })).rejects.toMatchObject({
      code: 'sandbox/unavailable',
      message: expect.stringContaining('No permissions to create new namespace'),
      hint: expect.stringMatching(/--privileged|As root: |bwrap --unshare-all/),
    });
  });

  it('refuses a bubblewrap that runs code without isolating it', async () => {
    const fake = bubblewrap('0.10.0', 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"');
    await expect(openSandbox({ bubblewrap: fake })).rejects.toMatchObject({ code: 'sandbox/unavailable' });
  });

  it('runs without isolation only when told so, still limited and cleaned up', async () => {
    const none = await openSandbox({ bubblewrap: '/nonexistent/bwrap', allowNone: true, languages: ['python'] });
    expect(none.level).toMatchObject({ kind: 'none', network: 'host', seccomp: false });
    expect(none.level.notes.join()).toContain('no isolation');
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith('secpi-run-'));
    const result = await none.run(
      python(
        'import os; print(open("in").read(), os.getuid(), sorted(os.environ), os.environ["HOME"] == os.getcwd()); open("out", "w").write("out")',
        {
          files: [{ path: 'in', content: 'in' }],
          collect: ['out'],
        },
      ),
      never,
    );
    expect(result).toMatchObject(exited());
    expect(result.collected.out).toEqual({ bytes: new TextEncoder().encode('out') });
    const names = "['ASAN_OPTIONS', 'HOME', 'LANG', 'PATH', 'PYTHONDONTWRITEBYTECODE', 'TMPDIR', 'TZ'] True\n";
    expect(result.stdout).toMatch(/^in [1-9]\d* /);
    expect(result.stdout.endsWith(names)).toBe(true);
    const loop = python('while True: pass', { limits: { wallSeconds: 0.3 } });
    expect((await none.run(loop, never)).ending).toEqual({ how: 'timed-out' });
    const kill = python('import os; os.kill(os.getpid(), 15)');
    expect((await none.run(kill, never)).ending).toEqual({ how: 'signalled', signal: 'SIGTERM' });
    const after = readdirSync(tmpdir()).filter((name) => name.startsWith('secpi-run-'));
    expect(after.filter((name) => !before.includes(name))).toEqual([]);
  });
});

describeSandbox('openSandbox with the real bubblewrap', () => {
  it('records what stands between code and machine', async () => {
    const { level, toolchains } = await openSandbox({ languages: ['python', 'javascript'] });
    expect(level).toMatchObject({ kind: 'bubblewrap', network: 'none', unprivileged: true });
    expect(level.seccomp).toBe(['x64', 'arm64'].includes(process.arch));
    expect(level.version).toMatch(/^\d+\.\d+/);
    expect(['cgroup', 'watched']).toContain(level.memory);
    expect(level.notes).toContain('kernel shared with the host');
    expect(toolchains.javascript).toBe(process.versions.node);
    expect(toolchains.python).toMatch(/^3\.\d+/);
    expect(Object.keys(toolchains).sort()).toEqual(['javascript', 'python']);
  });

  it('works with an older bubblewrap, and says what is then not limited', async () => {
    const old = bubblewrap(
      '0.6.1',
      'for a; do case $a in --size|--disable-userns) echo "bwrap: Unknown option $a" >&2; exit 1;; --) break;; esac; done; exec bwrap "$@"',
    );
    const sandbox = await openSandbox({ bubblewrap: withPath(old), languages: ['python'] });
    expect(sandbox.level.version).toBe('0.6.1');
    expect(sandbox.level.notes.join()).toContain('space in memory: not limited');
    expect(await sandbox.run(python('print("hi")'), never)).toMatchObject({ ...exited(), stdout: 'hi\n' });
  });
});

/** Stand-ins get an empty environment like the real one: a second script gives them a search path. */
function withPath(script: string): string {
  const path = `${script}-with-path`;
  writeFileSync(path, `#!/bin/sh\nPATH=/usr/local/bin:/usr/bin:/bin exec ${script} "$@"\n`, { mode: 0o755 });
  return path;
}

describe('featuresOf', () => {
  it('knows which version brought what', () => {
    expect(featuresOf('0.4.1')).toBeNull();
    expect(featuresOf('0.6.1')).toEqual({ sizes: false, disableUserns: false });
    expect(featuresOf('0.7.0')).toEqual({ sizes: true, disableUserns: false });
    expect(featuresOf('0.11.0')).toEqual({ sizes: true, disableUserns: true });
    expect(featuresOf('1.0.0')).toEqual({ sizes: true, disableUserns: true });
  });
});

describe('findToolchains', () => {
  it('finds only what is there', async () => {
    const empty = await findToolchains(folder);
    expect(empty.map(({ language }) => language).filter((name) => name !== 'python')).toEqual(['javascript']);
  });
});
