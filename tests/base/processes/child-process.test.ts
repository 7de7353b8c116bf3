import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SecpiError } from '../../../src/base/errors.js';
import { type ProcessOptions, startProcess } from '../../../src/base/processes/child-process.js';
import { all, gone, PATH, startShell } from './start-shell.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'secpi-test-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** How often we have that file open. */
function timesOpen(path: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false; // the one of readdir itself
    }
  }).length;
}

describe('startProcess', () => {
  it('gives back exit code and output, and hands over stdin and the folder', async () => {
    const child = await startShell('cat; pwd; echo wrong >&2; exit 3', { cwd: folder, stdin: { text: 'héllo\n' } });
    expect(await child.exited).toEqual({
      exitCode: 3,
      signal: null,
      stdout: `héllo\n${folder}\n`,
      stderr: 'wrong\n',
      truncated: false,
      stoppedBy: null,
    });
  });

  it('passes on no variable that was not named', async () => {
    const child = await startProcess({ argv: ['/usr/bin/env'], cwd: folder, env: { ONLY: 'this' }, stdout: all });
    expect((await child.exited).stdout).toBe('ONLY=this\n');
  });

  it.skipIf(process.getuid?.() !== 0)('runs it as another user', async () => {
    const child = await startShell('id -u; id -g', { uid: 60999, gid: 60998 });
    expect((await child.exited).stdout).toBe('60999\n60998\n');
  });

  it.each<[string, Partial<ProcessOptions>, object]>([
    [
      'a missing program',
      { argv: ['no-such-program'] },
      { code: 'process/not-found', message: 'There is no program no-such-program.', cause: { code: 'ENOENT' } },
    ],
    [
      'a missing folder',
      { argv: ['/bin/sh'], cwd: '/nowhere' },
      { code: 'process/no-folder', message: 'Cannot start sh: there is no folder /nowhere.' },
    ],
    ['a file in the place of the folder', { cwd: '/etc/passwd' }, { code: 'process/no-folder' }],
    [
      'what may not be run',
      { argv: ['/tmp'] },
      { code: 'process/not-started', message: 'Cannot start /tmp: spawn /tmp EACCES.', cause: { code: 'EACCES' } },
    ],
    [
      'more text than the system hands over',
      { argv: ['true', 'x'.repeat(1 << 20)] },
      { code: 'process/not-started', message: 'Cannot start true: spawn E2BIG.', cause: { code: 'E2BIG' } },
    ],
  ])('says why it cannot start: %s', async (_name, options, expected) => {
    const file = join(folder, 'log');
    const failure = startShell('true', { stdout: { file }, ...options });
    await expect(failure).rejects.toBeInstanceOf(SecpiError);
    await expect(failure).rejects.toMatchObject(expected);
    expect(timesOpen(file)).toBe(0);
  });

  it('needs a program', async () => {
    await expect(startShell('', { argv: [] })).rejects.toThrow('argv is empty');
  });

  it('appends to a file that is the child’s own descriptor', async () => {
    const file = join(folder, 'log');
    const child = await startShell('readlink /proc/$$/fd/1; echo wrong >&2', { stdout: { file }, stderr: { file } });
    expect(timesOpen(file)).toBe(0);
    expect(await child.exited).toMatchObject({ stdout: '', stderr: '', truncated: false });
    await (await startShell('echo again', { stdout: { file } })).exited;
    expect(readFileSync(file, 'utf8')).toBe(`${file}\nwrong\nagain\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('cuts captured output at the tail, or stops the process', async () => {
    const tail = { capture: { limitBytes: 12, overflow: 'keep-tail' } } as const;
    const many = await (await startShell('seq 40000', { stdout: tail })).exited;
    expect(many).toMatchObject({ stdout: '39999\n40000\n', truncated: true, exitCode: 0, stoppedBy: null });
    const few = await (await startShell('echo hi; seq 40000 >&2', { stdout: tail, stderr: tail })).exited;
    expect(few).toMatchObject({ stdout: 'hi\n', stderr: '39999\n40000\n', truncated: true });
    const stop = { capture: { limitBytes: 4, overflow: 'stop' } } as const;
    const stopped = await (await startShell('yes', { stdout: stop })).exited;
    expect(stopped).toMatchObject({ stdout: 'y\ny\n', truncated: true, stoppedBy: 'output-limit' });
  });

  it('lets a pipe be read to its end, by whoever reads it, before the process counts as gone', async () => {
    // Its own last word may be read later than its end is heard of; one that it left behind speaks later for certain. The
    // substitution ends once that one is out of the group, whose rest is killed.
    const child = await startShell('echo early >&3; $(setsid sh -c "(sleep 0.2; echo late >&3) >/dev/null 2>&1 &")', {
      extraFds: ['pipe', 'pipe'],
    });
    let said = '';
    child.pipes[0]?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    await child.exited;
    expect(said).toBe('early\nlate\n');
  });

  it.each<Partial<ProcessOptions>>([{}, { stdin: 'none' }])('closes stdin at once for %o', async (options) => {
    const child = await startShell('cat; echo end', options);
    expect((await child.exited).stdout).toBe('end\n');
  });

  it('holds stdin open', async () => {
    // `read -t 0` succeeds if reading would not wait, at the end of the file too.
    const script = 'read -r go <&3; if read -t 0; then echo closed; else echo open; fi';
    const child = await startShell('', { argv: ['bash', '-c', script], stdin: 'hold', extraFds: ['pipe'] });
    child.pipes[0]?.end('go\n');
    expect((await child.exited).stdout).toBe('open\n');
  });

  it('survives a child that does not read its stdin', async () => {
    const child = await startShell('exec <&-; exit 5', { stdin: { text: 'x'.repeat(1 << 20) } });
    expect(await child.exited).toMatchObject({ exitCode: 5 });
  });

  it('offers extra pipes in both directions', async () => {
    const child = await startShell('read -r word <&4; echo "got $word" >&3', { extraFds: ['pipe', 'pipe'] });
    const [out, into] = child.pipes;
    expect(child.pipes).toHaveLength(2);
    let text = '';
    out?.on('data', (chunk) => {
      text += String(chunk);
    });
    into?.end('it\n');
    await child.exited;
    expect(text).toBe('got it\n');
  });

  it('survives a child that closes an extra pipe', async () => {
    const child = await startShell('exec 3<&-; exit 5', { extraFds: ['pipe'] });
    child.pipes[0]?.end('x'.repeat(1 << 20));
    expect(await child.exited).toMatchObject({ exitCode: 5 });
  });

  it('gives the child no descriptor of ours', async () => {
    const fd = openSync(join(folder, 'secret'), 'w');
    const { stdout } = await (await startShell('ls -l /proc/self/fd')).exited;
    closeSync(fd);
    const targets = [...stdout.matchAll(/ (\d+) -> (.*)/g)].filter(([, number]) => Number(number) > 2);
    expect(
      targets.map(([, , target]) => target).filter((target) => !/^\/dev\/null$|^\/proc\//.test(target ?? '')),
    ).toEqual([]);
  });

  it('covers descriptors that we inherited, and kills its children when we exit', async () => {
    // A fresh secpi process, because both concern the process as a whole.
    writeFileSync(join(folder, 'secret'), 'secret');
    const module = join(import.meta.dirname, '../../../src/base/processes/child-process.ts');
    const program = `
      import { startProcess } from ${JSON.stringify(module)};
      const options = { cwd: '/', env: { PATH: ${JSON.stringify(PATH)} } };
      const asked = await startProcess({ ...options, argv: ['readlink', '/proc/self/fd/47'],
        stdout: { capture: { limitBytes: 1000, overflow: 'stop' } } });
      const left = await startProcess({ ...options, argv: ['sleep', '100'] });
      console.log(JSON.stringify({ covered: (await asked.exited).stdout, left: left.pid }));
      process.exit(0);
    `;
    writeFileSync(join(folder, 'program.mts'), program);
    const node = [process.execPath, '--import', import.meta.resolve('tsx'), 'program.mts'];
    const child = await startShell('', { argv: ['bash', '-c', 'exec "$@" 47<secret', 'bash', ...node], cwd: folder });
    const end = await child.exited;
    expect(end.stderr).toBe('');
    const { covered, left } = JSON.parse(end.stdout);
    expect(covered).toBe('/dev/null\n');
    await gone(left);
  });
});
