import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SecpiError } from '../../../src/base/errors.js';
import { type ProcessOptions, startProcess } from '../../../src/base/processes/child-process.js';

const PATH = '/usr/local/bin:/usr/bin:/bin';
const all = { capture: { limitBytes: 1 << 20, overflow: 'stop' } } as const;

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'secpi-test-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function shell(script: string, options: Partial<ProcessOptions> = {}) {
  return startProcess({
    argv: ['sh', '-c', script],
    cwd: folder,
    env: { PATH },
    stdout: all,
    stderr: all,
    graceSeconds: 1,
    ...options,
  });
}

/** True once no process of that id is alive (a zombie that waits for its parent counts as gone). */
async function isGone(pid: number, patience = 200): Promise<boolean> {
  for (let tries = 0; tries < patience; tries += 1) {
    try {
      if (/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) return true;
    } catch {
      return true;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return false;
}

describe('startProcess', () => {
  it('gives back exit code and output, and hands over stdin and the folder', async () => {
    const child = await shell('cat; pwd; echo wrong >&2; exit 3', { stdin: { text: 'héllo\n' } });
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

  it('names a missing program and a missing folder', async () => {
    const missing = startProcess({ argv: ['no-such-program'], cwd: folder, env: { PATH } });
    await expect(missing).rejects.toMatchObject({ code: 'process/not-found' });
    await expect(shell('true', { cwd: join(folder, 'none') })).rejects.toMatchObject({ code: 'process/no-folder' });
    await expect(startProcess({ argv: [folder], cwd: folder, env: {} })).rejects.toBeInstanceOf(SecpiError);
  });

  it('gives lines as they come, whole, whatever the chunks', async () => {
    const lines: string[] = [];
    const child = await shell('printf "a\\nb"; sleep 0.05; printf "c\\r\\n\\n\\303"; sleep 0.05; printf "\\251"', {
      stdout: { onLine: (line) => lines.push(line) },
    });
    expect((await child.exited).stdout).toBe('');
    expect(lines).toEqual(['a', 'bc', '', 'é']);
  });

  it('writes a file alone or together with lines, appending', async () => {
    const file = join(folder, 'log');
    writeFileSync(file, 'before\n');
    await (await shell('echo one', { stdout: { file } })).exited;
    const lines: string[] = [];
    await (await shell('echo two', { stdout: { file, onLine: (line) => lines.push(line) } })).exited;
    expect(readFileSync(file, 'utf8')).toBe('before\none\ntwo\n');
    expect(lines).toEqual(['two']);
  });

  it('has written its file when it is over, however much that was', async () => {
    const capture = { limitBytes: 1, overflow: 'keep-tail' } as const;
    // More at once than the system writes at once.
    const sizes = Array.from({ length: 16 }, async (_, index) => {
      const file = join(folder, `log-${index}`);
      await (await shell('head -c 2000000 /dev/zero', { stdout: { file, capture } })).exited;
      return statSync(file).size;
    });
    expect(await Promise.all(sizes)).toEqual(Array(16).fill(2_000_000));
    // Nor does it wait for a file that cannot be written.
    await (await shell('echo lost', { stdout: { file: folder, capture } })).exited;
  });

  it('cuts captured output at the head, at the tail, or stops the process', async () => {
    const count = 'i=0; while [ $i -lt 40000 ]; do echo $i; i=$((i+1)); done';
    const head = await (await shell(count, { stdout: { capture: { limitBytes: 6, overflow: 'keep-head' } } })).exited;
    expect(head).toMatchObject({ stdout: '0\n1\n2\n', truncated: true, exitCode: 0, stoppedBy: null });
    const tail = await (await shell(count, { stdout: { capture: { limitBytes: 12, overflow: 'keep-tail' } } })).exited;
    expect(tail).toMatchObject({ stdout: '39998\n39999\n', truncated: true, exitCode: 0 });
    const short = await (await shell('echo hi', { stdout: { capture: { limitBytes: 12, overflow: 'keep-tail' } } }))
      .exited;
    expect(short).toMatchObject({ stdout: 'hi\n', truncated: false });
    const stopped = await (await shell('yes', { stdout: { capture: { limitBytes: 4, overflow: 'stop' } } })).exited;
    expect(stopped).toMatchObject({ stdout: 'y\ny\n', truncated: true, stoppedBy: 'output-limit' });
  });

  it('stops the whole group, with TERM first', async () => {
    const child = await shell('trap "echo bye; exit 7" TERM; sleep 100 & echo $!; while :; do sleep 0.05; done', {
      stdout: { ...all, onLine: () => void child.stop() },
    });
    const end = await child.exited;
    expect(end).toMatchObject({ exitCode: 7, stoppedBy: 'caller' });
    expect(end.stdout).toMatch(/^\d+\nbye\n$/);
    expect(await isGone(Number.parseInt(end.stdout, 10))).toBe(true);
  });

  it('kills what ignores TERM', async () => {
    const child = await shell('trap "" TERM; echo ready; while :; do sleep 1; done', {
      graceSeconds: 0.1,
      stdout: { onLine: () => void child.stop() },
    });
    expect(await child.exited).toMatchObject({ signal: 'SIGKILL', stoppedBy: 'caller' });
  });

  it('settles although a runaway grandchild holds the pipes', async () => {
    const child = await shell(
      "setsid sh -c 'echo $$ >pid; echo left; exec sleep 100' & until [ -s pid ]; do sleep 0.02; done",
    );
    const end = await child.exited;
    const runaway = Number.parseInt(readFileSync(join(folder, 'pid'), 'utf8'), 10);
    expect(await isGone(runaway, 5)).toBe(false);
    process.kill(runaway, 'SIGKILL');
    expect(end).toMatchObject({ exitCode: 0, stdout: 'left\n', stoppedBy: null });
  });

  it('kills what a finished process left in its group', async () => {
    const end = await (await shell('sleep 100 >/dev/null 2>&1 & echo $!')).exited;
    expect(await isGone(Number.parseInt(end.stdout, 10))).toBe(true);
  });

  it('can be stopped at any time and more than once', async () => {
    const early = await shell('sleep 100', { graceSeconds: 0 });
    const [one, two] = await Promise.all([early.stop('timeout'), early.stop('caller')]);
    expect(one).toBe(two);
    expect(one).toMatchObject({ signal: 'SIGKILL', stoppedBy: 'timeout' });
    const done = await shell('true');
    await done.exited;
    expect(await done.stop()).toMatchObject({ exitCode: 0, stoppedBy: null });
  });

  it('obeys a signal and a clock', async () => {
    const aborted = AbortSignal.abort(new Error('no need'));
    await expect(shell('true', { signal: aborted })).rejects.toThrow('no need');
    const controller = new AbortController();
    const child = await shell('sleep 100', { signal: controller.signal });
    controller.abort();
    expect(await child.exited).toMatchObject({ signal: 'SIGTERM', stoppedBy: 'caller' });
    expect(await (await shell('sleep 100', { timeoutSeconds: 0.05 })).exited).toMatchObject({ stoppedBy: 'timeout' });
  });

  it('keeps stdin open until it stops, and closes it by default', async () => {
    expect(await (await shell('cat; echo end')).exited).toMatchObject({ stdout: 'end\n' });
    const child = await shell('echo ready; cat', {
      stdin: 'hold',
      stdout: { ...all, onLine: () => void child.stop() },
    });
    expect(await child.exited).toMatchObject({ stdout: 'ready\n', stoppedBy: 'caller' });
  });

  it('survives a child that does not read its stdin', async () => {
    const child = await shell('exec <&-; exit 5', { stdin: { text: 'x'.repeat(1 << 20) } });
    expect(await child.exited).toMatchObject({ exitCode: 5 });
  });

  it('offers extra pipes in both directions', async () => {
    const child = await shell('read -r word <&4; echo "got $word" >&3', { extraFds: ['pipe', 'pipe'] });
    const [out, into] = child.pipes;
    let text = '';
    out?.on('data', (chunk) => {
      text += String(chunk);
    });
    into?.end('it\n');
    await child.exited;
    expect(text).toBe('got it\n');
  });

  it('gives the child no descriptor of ours', async () => {
    const fd = openSync(join(folder, 'secret'), 'w');
    const { stdout } = await (await shell('ls -l /proc/self/fd')).exited;
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
      const asked = await startProcess({ ...options, argv: ['sh', '-c', 'cat <&9'],
        stdout: { capture: { limitBytes: 1000, overflow: 'stop' } } });
      const left = await startProcess({ ...options, argv: ['sleep', '100'] });
      console.log(JSON.stringify({ leaked: (await asked.exited).stdout, left: left.pid }));
      process.exit(0);
    `;
    writeFileSync(join(folder, 'program.mts'), program);
    const child = await shell('exec "$@" 9<secret', {
      argv: [
        'sh',
        '-c',
        'exec "$@" 9<secret',
        'sh',
        process.execPath,
        '--import',
        import.meta.resolve('tsx'),
        'program.mts',
      ],
    });
    const end = await child.exited;
    expect(end.stderr).toBe('');
    const { leaked, left } = JSON.parse(end.stdout);
    expect(leaked).toBe('');
    expect(await isGone(left)).toBe(true);
  });
});
